"""The corpus writer: real pictures and their made counterparts, labelled, in one folder.

    real/NNNNNN.jpg, synthetic/NNNNNN.jpg   (or .png, .webp: the same for both)
    manifest.csv, corpus.json, croissant.json

Both classes pass the same crop and the same encoder, so that headers tell nothing; the null in
corpus.json says how well that worked. Every finished item is journalled: a killed writer goes on
where it was and leaves finished files alone. The manifest appears once all is checked.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble, UsageError
from verascope.generate import croissant, manifest
from verascope.generate.contract import Data, Generator, Item, Sampler, Transformer, item_rng
from verascope.generate.data import crop, crop_origin
from verascope.generate.encode import Encoding
from verascope.generate.manifest import MANIFEST, Row
from verascope.generate.null import Null, header_null
from verascope.generate.run import write_json
from verascope.generate.spectrum import WINDOW_PX, SelfTest, psnr, self_test
from verascope.generate.versions import versions
from verascope.result import Reason

MIN_PSNR_DB = 34.0
MAX_SPECTRUM_AUROC = 0.75
MAX_NULL = 0.6
MIN_SIDE = 64
PILOT = 128  # pairs that the self-test measures
MIN_PILOT = 10
CANDIDATES = 4  # candidates tried for each item wanted
CROP, CODEC, ORDER = 1, 2, 3  # streams of random numbers beside the generator's own


class ConfoundedError(UsageError):
    """The two classes of a corpus differ by more than the generator's traces."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a corpus is to hold.

    Attributes:
        count: pairs of a real and a synthetic picture.
        max_side: real pictures are cropped (never resized) to at most this, px.
        allow_confounds: write it although a check failed; corpus.json says so.
    """

    count: int
    seed: int
    max_side: int = 512
    encoding: Encoding = Encoding()
    allow_confounds: bool = False


def measure(generator: Generator, data: Data, plan: Plan, pilot: int = PILOT) -> SelfTest:
    """The self-test: the generator's output against real pictures, before any encoding.

    Taken on windows of at most 128 px, so that a few large photographs give enough of them.

    Raises:
        UsageError: there are fewer than ten to measure.
    """
    plan = msgspec.structs.replace(plan, max_side=min(plan.max_side, WINDOW_PX))
    pairs: dict[str, tuple[Item, Item]] = {}
    for key, pair in _pairs(generator, data, plan, range(CANDIDATES * pilot)):
        if not isinstance(pair, str):
            pairs.setdefault(pair[1].pair or str(key), pair)
        if len(pairs) == pilot:
            break
    if len(pairs) < MIN_PILOT:
        raise UsageError(f"fewer than {MIN_PILOT} windows of {MIN_SIDE} px or more can be measured")
    real, made = ([side.media for side in pair] for pair in zip(*pairs.values(), strict=True))
    return self_test(real, made, paired=isinstance(generator, Transformer))


def write(
    generator: Generator, data: Data, plan: Plan, out: Path, *, checkpoint: Path, test: SelfTest
) -> dict[str, Any]:
    """Write the corpus into `out`, or finish one that was begun; returns corpus.json's content.

    Raises:
        ConfoundedError: twins are not aligned, or headers alone part the classes.
        UsageError: `out` holds another corpus, or too few pictures are good enough.
    """
    _check_alignment(generator, plan, test)
    how = _how(generator, data, plan, checkpoint)
    finished = out / "corpus.json"
    if finished.is_file():
        before: dict[str, Any] = json.loads(finished.read_bytes())
        if before.get("how") != how:
            raise UsageError(f"{out} holds another corpus: choose another folder")
        return before
    for folder in ("real", "synthetic"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    rows, refused = _write_items(generator, data, plan, out, how)
    null = header_null(
        [out / r.path for r in rows],
        [int(r.label == "synthetic") for r in rows],
        [r.pair or r.path for r in rows],
    )
    _check_null(plan, null)
    digest = manifest.write(out / MANIFEST, rows)
    report = _report(how, rows, refused, null, test, digest)
    write_json(out / "croissant.json", _croissant(generator, rows, digest))
    write_json(finished, report)
    (out / "journal.jsonl").unlink()
    return report


def _write_items(
    generator: Generator, data: Data, plan: Plan, out: Path, how: dict[str, Any]
) -> tuple[list[Row], dict[str, int]]:
    """Write what the journal lacks; returns all rows and how many candidates fell to what."""
    journal = out / "journal.jsonl"
    entries = _read_journal(journal, how)
    rows = [row for entry in entries for row in entry.rows]
    pairs_seen = {row.pair for row in rows}
    refused = [entry.refused for entry in entries if entry.refused]
    keys = range(len(entries), CANDIDATES * plan.count + PILOT)
    with journal.open("ab") as log:
        if not entries and log.tell() == 0:
            log.write(msgspec.json.encode(how) + b"\n")
        pairs = _pairs(generator, data, plan, keys)
        while len(rows) < 2 * plan.count:
            key, pair = next(pairs, (0, None))
            if pair is None:
                raise UsageError(
                    f"only {len(rows) // 2} of {plan.count} are good: {_tally(refused)}"
                )
            if not isinstance(pair, str):
                pair = _refuse(pair, generator, plan, pairs_seen) or pair
            if isinstance(pair, str):
                entry = _Entry(refused=pair)
                refused.append(pair)
            else:
                entry = _Entry(rows=_write_pair(generator, plan, out, key, pair))
                rows += entry.rows
                pairs_seen |= {row.pair for row in entry.rows}
            log.write(msgspec.json.encode(entry) + b"\n")
            log.flush()
    return rows, _tally(refused)


def _write_pair(
    generator: Generator, plan: Plan, out: Path, key: int, pair: tuple[Item, Item]
) -> list[Row]:
    """Encode a real picture and its counterpart alike; a file appears whole or not at all."""
    codec = plan.encoding.draw(item_rng(plan.seed, key, CODEC))
    rows = []
    for label, item in zip(("real", "synthetic"), pair, strict=True):
        path = f"{label}/{key:06d}{codec.suffix}"
        content = codec.encode(item.media)
        part = out / f"{path}.part"
        part.write_bytes(content)
        part.replace(out / path)
        row = Row(
            path=path,
            label=label,
            source=item.source,
            split=item.split,
            pair=item.pair,
            kind=item.kind,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            origin=item.origin,
            licence=item.licence,
        )
        if label == "synthetic":
            row = msgspec.structs.replace(
                row,
                generator=generator.name,
                family=generator.family,
                seed=str(plan.seed),
                config_sha256=generator.config.sha256(),
            )
        rows.append(row)
    return rows


def _pairs(
    generator: Generator, data: Data, plan: Plan, keys: range
) -> Iterator[tuple[int, tuple[Item, Item] | str]]:
    """Candidates in order: a real item and its made counterpart, or why there is none."""
    made: Iterator[Item] = iter(())
    if isinstance(generator, Sampler):
        made = generator.sample(len(keys), plan.seed, start=keys.start)
    for key in keys:
        rng = item_rng(plan.seed, key, CROP)
        sample = next(made, None)
        try:
            # Every picture once, in an order that the seed draws, before any comes twice.
            order = item_rng(plan.seed, key // len(data), ORDER).permutation(len(data))
            item = replace(data[int(order[key % len(data)])], key=key)
            if isinstance(generator, Sampler):
                assert sample is not None
                yield key, (generator.real(item, rng), sample)
            elif isinstance(generator, Transformer):
                item = _window(item, plan.max_side, rng)
                twin = next(iter(generator.transform([item], plan.seed)))
                # An aligned twin shows what its original shows, and trainers balance over that.
                kind = item.kind if generator.aligned else "fingerprint"
                yield key, (item, replace(twin, kind=kind))
        except InputTrouble as trouble:
            yield key, str(trouble.reason)


def _window(item: Item, max_side: int, rng: Any) -> Item:
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


def _refuse(
    pair: tuple[Item, Item], generator: Generator, plan: Plan, seen: set[str]
) -> str | None:
    if not isinstance(generator, Transformer):
        return None
    real, made = pair
    if real.pair in seen:
        return "repeated"  # a picture that fits whole comes only once
    poor = generator.aligned and psnr(real.media, made.media) < MIN_PSNR_DB
    return f"under {MIN_PSNR_DB:.0f} dB" if poor and not plan.allow_confounds else None


def _check_alignment(generator: Generator, plan: Plan, test: SelfTest) -> None:
    if not isinstance(generator, Transformer) or not generator.aligned or plan.allow_confounds:
        return
    if test.spectrum_auroc > MAX_SPECTRUM_AUROC:
        raise ConfoundedError(
            f"the twins' spectrum alone tells them from their originals (AUROC"
            f" {test.spectrum_auroc:.2f}, at most {MAX_SPECTRUM_AUROC}): train longer, raise"
            " low_pass_px, or pass --allow-confounds"
        )


def _check_null(plan: Plan, null: Null | None) -> None:
    if null is not None and null.above(MAX_NULL) and not plan.allow_confounds:
        feature, alone = null.strongest
        raise ConfoundedError(
            f"headers alone part the two classes: AUROC {null.auroc:.2f}, at most {MAX_NULL}"
            f" ({feature} alone {alone:.2f}). A detector would learn that. The files are written;"
            " pass --allow-confounds to finish the corpus all the same"
        )


class _Entry(Struct, frozen=True, kw_only=True):
    """A line of the journal: one candidate, done."""

    rows: list[Row] = []
    refused: str = ""


def _read_journal(journal: Path, how: dict[str, Any]) -> list[_Entry]:
    """The finished candidates; a last line that a kill cut off is cut away."""
    if not journal.is_file():
        return []
    lines = journal.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        journal.write_bytes(b"".join(lines))
    if lines and json.loads(lines[0]) != how:
        raise UsageError(f"{journal.parent} holds the beginning of another corpus")
    return [msgspec.json.decode(line, type=_Entry) for line in lines[1:]]


def _how(generator: Generator, data: Data, plan: Plan, checkpoint: Path) -> dict[str, Any]:
    """What decides the corpus's bytes; a corpus with the same is the same."""
    asked = msgspec.to_builtins(plan)
    del asked["allow_confounds"]
    return {
        "generator": generator.name,
        "modality": str(generator.modality),
        "family": generator.family,
        "config": msgspec.to_builtins(generator.config),
        "config_sha256": generator.config.sha256(),
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "data_sha256": data.sha256,
        "data_items": len(data),
        "plan": json.loads(json.dumps(asked)),
        "versions": versions(),
    }


def _report(
    how: dict[str, Any],
    rows: list[Row],
    refused: dict[str, int],
    null: Null | None,
    test: SelfTest,
    digest: str,
) -> dict[str, Any]:
    counts = {
        f"{split} {label}": len(list(group))
        for (split, label), group in itertools.groupby(sorted((r.split, r.label) for r in rows))
    }
    return {
        "how": how,
        "counts": counts,
        "refused": refused,
        "bytes": sum(row.bytes for row in rows),
        "licences": sorted({row.licence for row in rows if row.licence}),
        "signed": False,
        "header_null": msgspec.to_builtins(null),
        "self_test": msgspec.to_builtins(test),
        "manifest_sha256": digest,
    }


def _croissant(generator: Generator, rows: list[Row], digest: str) -> dict[str, Any]:
    licences = sorted({row.licence for row in rows if row.licence})
    name = f"verascope-{generator.name}-{generator.config.sha256()[:8]}"
    about = (
        f"Real pictures and as many made by Verascope's {generator.name}. {generator.card.summary}"
    )
    return croissant.describe(name, about, licences, digest)


def _tally(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}
