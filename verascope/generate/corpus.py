"""The corpus writer: real media and their made counterparts, labelled, in one folder.

    real/NNNNNN.jpg, synthetic/NNNNNN.jpg   (or another format, the same for both; edited/, masks/)
    manifest.csv, corpus.json, croissant.json

Both classes pass the same crop or window and the same encoder, so that headers tell nothing; the
null in corpus.json says how well that worked. Then what was made is signed. Every finished item is
journalled: a killed writer goes on where it was and leaves finished files alone. The manifest
appears once all is checked.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from verascope.errors import UsageError
from verascope.generate import croissant, manifest
from verascope.generate.checks import check_alignment, check_fingerprints, check_null
from verascope.generate.contract import Data, Generator, Transformer
from verascope.generate.forms import Form, Test, common_form
from verascope.generate.manifest import MANIFEST, Row
from verascope.generate.null import Null, header_null
from verascope.generate.pairs import Plan
from verascope.generate.run import write_json
from verascope.generate.signing import cached_signer, describe, source_type
from verascope.generate.versions import versions
from verascope.generate.writer import JOURNAL, Entry, Writer, tally
from verascope.provenance.sign import Signer


class Maker(NamedTuple):
    """A generator that has its weights, with the checkpoint they are from and its self-test."""

    generator: Generator
    checkpoint: Path
    test: Test


def write(
    makers: Sequence[Maker], data: Data, plan: Plan, out: Path, *, jobs: int | None = None
) -> dict[str, Any]:
    """Write the corpus into `out`, or finish one that was begun; returns corpus.json's content.

    Args:
        makers: the generators, which take turns.
        data: real items to draw from.
        plan: what it is to hold.
        out: its folder.
        jobs: threads that encode and sign; the machine's cores, at most four, if None.

    Raises:
        ConfoundedError: twins are not aligned, or headers alone part the classes.
        UsageError: `out` holds another corpus, too few media are good enough, or the generators
            have not the same modality.
    """
    form = common_form([maker.generator.modality for maker in makers])
    if not plan.allow_confounds:
        check_fingerprints([_kind(maker.generator) for maker in makers])
        for maker in makers:
            check_alignment(maker.generator, maker.test)
    how = _how(makers, data, plan, form)
    finished = out / "corpus.json"
    if finished.is_file():
        before: dict[str, Any] = json.loads(finished.read_bytes())
        if before.get("how") != how:
            raise UsageError(f"{out} holds another corpus: choose another folder")
        return before
    out.mkdir(parents=True, exist_ok=True)
    signer = cached_signer() if plan.sign else None
    writer = Writer(out, plan, signer, jobs or min(4, os.cpu_count() or 1))
    entries = writer.write([maker.generator for maker in makers], data, how)
    rows = [row for entry in entries for row in entry.rows]
    null = _null(entries, form)
    if not plan.allow_confounds:
        check_null(null)
    digest = manifest.write(out / MANIFEST, rows)
    form.gather(out, rows)
    report = _report(how, entries, null, makers, digest, plan.allow_confounds, signer)
    write_json(out / "croissant.json", _croissant(makers, rows, digest, form))
    write_json(finished, report)
    (out / JOURNAL).unlink()
    return report


def _null(entries: Sequence[Entry], form: Form) -> Null | None:
    rows = [row for entry in entries for row in entry.rows]
    return header_null(
        np.array([facts for entry in entries for facts in entry.headers]),
        [int(row.label != "real") for row in rows],
        [row.pair or row.path for row in rows],
        form.features,
    )


def _kind(generator: Generator) -> str:
    plain = isinstance(generator, Transformer) and not generator.aligned
    return "fingerprint" if plain and generator.family == "autoencoder" else ""


def _how(makers: Sequence[Maker], data: Data, plan: Plan, form: Form) -> dict[str, Any]:
    """What decides the corpus's media, as JSON has it; a corpus with the same is the same."""
    asked = msgspec.to_builtins(plan)
    for field in ("allow_confounds", *form.others):
        del asked[field]
    how = {
        "generators": [
            {
                "generator": generator.name,
                "modality": str(generator.modality),
                "family": generator.family,
                "config": msgspec.to_builtins(generator.config),
                "config_sha256": generator.config.sha256(),
                "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
            }
            for generator, checkpoint, _ in makers
        ],
        "data_sha256": data.sha256,
        "data_items": len(data),
        "plan": asked,
        "versions": versions(form.libraries),
    }
    plain: dict[str, Any] = json.loads(json.dumps(how))
    return plain


def _report(
    how: dict[str, Any],
    entries: Sequence[Entry],
    null: Null | None,
    makers: Sequence[Maker],
    digest: str,
    allowed: bool,
    signer: Signer | None,
) -> dict[str, Any]:
    rows = [row for entry in entries for row in entry.rows]
    counts = {
        f"{split} {label}": len(list(group))
        for (split, label), group in itertools.groupby(sorted((r.split, r.label) for r in rows))
    }
    types = sorted({source_type(maker.generator) for maker in makers})
    return {
        "how": how,
        "counts": counts,
        "confounds_allowed": allowed,
        "refused": tally(entries),
        "bytes": sum(row.bytes for row in rows),
        "licences": sorted({row.licence for row in rows if row.licence}),
        "signed": {**describe(signer), "source_types": types} if signer else False,
        "header_null": msgspec.to_builtins(null),
        "self_tests": [msgspec.to_builtins(maker.test) for maker in makers],
        "manifest_sha256": digest,
    }


def _croissant(
    makers: Sequence[Maker], rows: Sequence[Row], digest: str, form: Form
) -> dict[str, Any]:
    licences = sorted({row.licence for row in rows if row.licence})
    kinds = {maker.generator.name: maker.generator.card.summary for maker in makers}
    hashes = "".join(maker.generator.config.sha256() for maker in makers)
    short = hashlib.sha256(hashes.encode()).hexdigest()[:8]
    about = f"Real {form.noun} and as many made by Verascope's {', '.join(kinds)}. "
    folders = sorted({row.path.partition("/")[0] for row in rows})
    return croissant.describe(
        f"verascope-{'-'.join(kinds)}-{short}",
        about + " ".join(kinds.values()),
        licences,
        digest,
        folders,
        form.noun,
    )
