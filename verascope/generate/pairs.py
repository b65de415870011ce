"""Real items and their made counterparts, in the order that a seed draws."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Data, Generator, Item, Sampler, Transformer, item_rng
from verascope.generate.forms import Test, form_of
from verascope.generate.plan import Plan as Plan

CANDIDATES = 4  # candidates tried for each item wanted
PILOT = 128  # pairs that the self-test measures
MIN_PILOT = 10
CROP, CODEC, ORDER = 1, 2, 3  # streams of random numbers beside the generator's own


def measure(generator: Generator, data: Data, plan: Plan, pilot: int = PILOT) -> Test:
    """The self-test: the generator's output against real media, before any encoding.

    Raises:
        UsageError: there are fewer than ten to measure.
    """
    form = form_of(generator.modality)
    pairs = first_pairs(generator, data, form.pilot(plan), pilot)
    if len(pairs) < MIN_PILOT:
        raise UsageError(f"fewer than {MIN_PILOT} {form.window} can be measured")
    real, made = ([side.media for side in pair] for pair in zip(*pairs, strict=True))
    return form.test(real, made, paired=isinstance(generator, Transformer))


def candidates(
    generators: Sequence[Generator], data: Data, plan: Plan, keys: range, seen: set[str]
) -> Iterator[tuple[int, int, tuple[Item, Item] | str]]:
    """Candidates in order: key, the generator's place, a real item and its made counterpart.

    The generators take turns. In place of a pair stands the reason where there is none.

    Args:
        generators: with their weights.
        data: real items.
        plan: seed and sizes.
        keys: the candidates' numbers.
        seen: pairs that shall not be transformed again; the caller adds to it.
    """
    turns = len(generators)
    made: dict[int, Iterator[Item]] = {}
    for key in keys:
        place = key % turns
        generator = generators[place]
        if isinstance(generator, Sampler) and place not in made:
            left = (keys.stop - key + turns - 1) // turns
            made[place] = generator.sample(left, plan.seed, start=key // turns)
        sample = next(made[place]) if place in made else None
        try:
            real = _real(generator, data, plan, key)
            if sample is not None:
                form = form_of(generator.modality)
                yield key, place, form.alike(real, replace(sample, key=key))
            elif real.pair in seen:
                yield key, place, "repeated"  # a medium that fits whole comes only once
            elif isinstance(generator, Transformer):
                yield key, place, (real, _counterpart(generator, real, plan.seed))
        except InputTrouble as trouble:
            yield key, place, str(trouble.reason)


def first_pairs(
    generator: Generator, data: Data, plan: Plan, count: int
) -> list[tuple[Item, Item]]:
    """The first `count` pairs that there are, or fewer."""
    seen: set[str] = set()
    pairs: list[tuple[Item, Item]] = []
    for _, _, pair in candidates([generator], data, plan, range(CANDIDATES * count), seen):
        if not isinstance(pair, str):
            pairs.append(pair)
            seen.add(pair[0].pair)
        if len(pairs) == count:
            break
    return pairs


def reals(generator: Generator, data: Data, plan: Plan, keys: range) -> Iterator[Item]:
    """At most `plan.count` real items in the form that the generator's output has."""
    found = 0
    for key in keys:
        if found == plan.count:
            return
        try:
            yield _real(generator, data, plan, key)
        except InputTrouble:
            continue
        found += 1


def _real(generator: Generator, data: Data, plan: Plan, key: int) -> Item:
    """The real item of a key: every medium once, in an order that the seed draws, then again."""
    rng = item_rng(plan.seed, key, CROP)
    order = item_rng(plan.seed, key // len(data), ORDER).permutation(len(data))
    item = replace(data[int(order[key % len(data)])], key=key)
    if isinstance(generator, Sampler):
        return generator.real(item, rng)
    return form_of(generator.modality).cut(item, plan, rng)


def _counterpart(generator: Transformer, item: Item, seed: int) -> Item:
    twin = next(iter(generator.transform([item], seed)))
    # An aligned twin shows what its original shows, and trainers balance over that. What is not
    # aligned has a kind of its own, or is the plain output of an autoencoder.
    own = generator.aligned or twin.kind != item.kind
    return twin if own else replace(twin, kind="fingerprint")
