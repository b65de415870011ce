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
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from verascope.errors import UsageError
from verascope.generate import croissant, manifest
from verascope.generate.contract import Data, Generator, Item, Transformer, item_rng
from verascope.generate.manifest import MANIFEST, Row
from verascope.generate.null import Null, header_null
from verascope.generate.pairs import CANDIDATES, CODEC, PILOT, Plan, candidates
from verascope.generate.run import write_json
from verascope.generate.spectrum import SelfTest, psnr
from verascope.generate.versions import versions

MIN_PSNR_DB = 34.0
MAX_SPECTRUM_AUROC = 0.75
MAX_NULL = 0.6


class ConfoundedError(UsageError):
    """The two classes of a corpus differ by more than the generator's traces."""


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
    report = _report(how, rows, refused, null, test, digest, plan.allow_confounds)
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
        pairs = candidates(generator, data, plan, keys)
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
    allowed: bool,
) -> dict[str, Any]:
    counts = {
        f"{split} {label}": len(list(group))
        for (split, label), group in itertools.groupby(sorted((r.split, r.label) for r in rows))
    }
    return {
        "how": how,
        "counts": counts,
        "confounds_allowed": allowed,
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
