"""Real items and their made counterparts, in the order that a seed draws."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from msgspec import Struct

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Data, Generator, Item, Sampler, Transformer, item_rng
from verascope.generate.data import crop, crop_origin
from verascope.generate.encode import Encoding
from verascope.generate.spectrum import WINDOW_PX, SelfTest, self_test
from verascope.result import Reason

MIN_SIDE = 64
CANDIDATES = 4  # candidates tried for each item wanted
PILOT = 128  # pairs that the self-test measures
MIN_PILOT = 10
CROP, CODEC, ORDER = 1, 2, 3  # streams of random numbers beside the generator's own


class Plan(Struct, frozen=True, kw_only=True):
    """What a corpus is to hold.

    Attributes:
        count: pairs of a real and a synthetic picture.
        max_side: real pictures are cropped (never resized) to at most this, px.
        sign: give every made file a credential.
        allow_confounds: write it although a check failed; corpus.json says so.
    """

    count: int
    seed: int
    max_side: int = 512
    encoding: Encoding = Encoding()
    sign: bool = True
    allow_confounds: bool = False


def measure(generator: Generator, data: Data, plan: Plan, pilot: int = PILOT) -> SelfTest:
    """The self-test: the generator's output against real pictures, before any encoding.

    Taken on windows of at most 128 px, so that a few large photographs give enough of them.

    Raises:
        UsageError: there are fewer than ten to measure.
    """
    plan = msgspec.structs.replace(plan, max_side=min(plan.max_side, WINDOW_PX))
    pairs = first_pairs(generator, data, plan, pilot)
    if len(pairs) < MIN_PILOT:
        raise UsageError(f"fewer than {MIN_PILOT} windows of {MIN_SIDE} px or more can be measured")
    real, made = ([side.media for side in pair] for pair in zip(*pairs, strict=True))
    return self_test(real, made, paired=isinstance(generator, Transformer))


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
                yield key, place, (real, replace(sample, key=key))
            elif real.pair in seen:
                yield key, place, "repeated"  # a picture that fits whole comes only once
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
    """The real item of a key: every picture once, in an order that the seed draws, then again."""
    rng = item_rng(plan.seed, key, CROP)
    order = item_rng(plan.seed, key // len(data), ORDER).permutation(len(data))
    item = replace(data[int(order[key % len(data)])], key=key)
    if isinstance(generator, Sampler):
        return generator.real(item, rng)
    return _window(item, plan.max_side, rng)


def _counterpart(generator: Transformer, item: Item, seed: int) -> Item:
    twin = next(iter(generator.transform([item], seed)))
    # An aligned twin shows what its original shows, and trainers balance over that. What is not
    # aligned has a kind of its own, or is the plain output of an autoencoder.
    own = generator.aligned or twin.kind != item.kind
    return twin if own else replace(twin, kind="fingerprint")


def _window(item: Item, max_side: int, rng: np.random.Generator) -> Item:
    height, width = (min(side, max_side) for side in item.media.shape[:2])
    if min(height, width) < MIN_SIDE:
        raise InputTrouble(Reason.TOO_LITTLE_CONTENT)
    media, (x, y) = crop(item.media, height, width, rng)
    # One picture may be cropped more than once: a pair is one crop and its twin.
    pair = hashlib.sha256(media.tobytes()).hexdigest()[:16]
    origin = item.origin
    if media.shape != item.media.shape:
        origin = crop_origin(origin, height, width, x, y)
    return replace(item, media=media, pair=pair, origin=origin)
