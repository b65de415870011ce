"""One corpus of many drawn decoders: train each, leave out those that are not good, write."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from verascope.errors import UsageError
from verascope.generate import corpus
from verascope.generate.checks import (
    MAX_SPECTRUM_AUROC,
    MIN_PSNR_DB,
    ConfoundedError,
    check_alignment,
)
from verascope.generate.contract import Budget, Progress, Watch
from verascope.generate.corpus import Maker
from verascope.generate.data import Pictures, open_pictures
from verascope.generate.device import pick
from verascope.generate.draw import CUT_OFFS, TURN, drawn
from verascope.generate.pairs import Plan, measure
from verascope.generate.reconstructor import Reconstructor
from verascope.generate.run import write_json
from verascope.generate.spectrum import SelfTest


class Mixture(NamedTuple):
    """What came of it: corpus.json's content, and which decoders were left out, and why."""

    report: dict[str, Any]
    left_out: dict[str, str]


def mixture(
    data: Path,
    out: Path,
    *,
    decoders: int,
    budget: Budget,
    plan: Plan,
    device: str = "auto",
    watch: Watch | None = None,
    jobs: int | None = None,
) -> Mixture:
    """Train decoders 0 to n − 1 of the plan's seed and write a corpus of those that are good.

    Runs lie in `out`/runs/NN and go on after a kill, as the corpus in `out`/corpus does.

    Args:
        data: a folder of real pictures, or a corpus.
        out: folder for everything.
        decoders: how many are drawn; see draw.py.
        budget: of each.
        plan: of the corpus. With `allow_confounds` no decoder is left out.
        device: auto, cpu, cuda, …
        watch: told of each training; `used` runs over all of them.
        jobs: threads that encode and sign.

    Raises:
        UsageError: none is good enough.
    """
    pictures, makers = open_pictures(data), []
    for k in range(decoders):
        generator = Reconstructor(drawn(plan.seed, k), pick(device))
        checkpoint = generator.train(
            pictures.only("train"),
            budget,
            seed=plan.seed,
            out=out / "runs" / f"{k:02d}",
            watch=watch and _of_all(watch, k, decoders),
        )
        makers.append(_cut_off(generator, checkpoint, pictures, plan))
    left_out: dict[str, str] = {}
    if not plan.allow_confounds:
        makers, left_out = _good(makers)
    report = corpus.write(makers, pictures, plan, out / "corpus", jobs=jobs)
    return Mixture(report, left_out)


def _cut_off(generator: Reconstructor, checkpoint: Path, pictures: Pictures, plan: Plan) -> Maker:
    """The decoder under the drawn low-pass swap, or the next wider one that hides its spectrum.

    The network is the same under all of them, so nothing is trained again; corpus.json has the
    config with the cut-off that was chosen.
    """
    drawn_px = generator.config.low_pass_px
    maker = Maker(generator, checkpoint, _test(generator, checkpoint, pictures, plan))
    for wider in CUT_OFFS:
        if plan.allow_confounds or not drawn_px or maker.test.spectrum_auroc <= MAX_SPECTRUM_AUROC:
            break
        if wider > drawn_px:
            config = msgspec.structs.replace(generator.config, low_pass_px=wider)
            other = Reconstructor(config, generator.device)
            other.adopt(generator)
            maker = Maker(other, checkpoint, _test(other, checkpoint, pictures, plan))
    return maker


def _test(generator: Reconstructor, checkpoint: Path, pictures: Pictures, plan: Plan) -> SelfTest:
    """The self-test, kept in the run folder: going on after a kill does not measure again."""
    report = checkpoint.parent / f"report-{generator.config.low_pass_px}.json"
    of = {
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "data_sha256": pictures.sha256,
        "seed": plan.seed,
        "max_side": plan.max_side,
    }
    if report.is_file():
        kept = json.loads(report.read_bytes())
        if kept.pop("of", None) == of:
            return msgspec.convert(kept, SelfTest)
    test = measure(generator, pictures, plan)
    write_json(report, {**msgspec.to_builtins(test), "of": of})
    return test


def _good(makers: Sequence[Maker]) -> tuple[list[Maker], dict[str, str]]:
    """Aligned decoders whose twins are aligned, and a third as many fingerprints at most."""
    good: list[Maker] = []
    left_out = {}
    for k, maker in enumerate(makers):
        try:
            check_alignment(maker.generator, maker.test)
        except ConfoundedError:
            left_out[f"{k:02d}"] = f"spectrum AUROC {maker.test.spectrum_auroc:.2f}"
            continue
        if _aligned(maker) and (maker.test.psnr_db or 0) < MIN_PSNR_DB:
            left_out[f"{k:02d}"] = f"{maker.test.psnr_db} dB"
            continue
        good.append(maker)
    room = sum(_aligned(maker) for maker in good) // (TURN - 1)
    kept = []
    for maker in good:
        if not _aligned(maker):
            if room == 0:
                left_out[maker.checkpoint.parent.name] = "too many fingerprints"
                continue
            room -= 1
        kept.append(maker)
    if not kept:
        raise UsageError(f"no decoder is good enough, train longer: {left_out}")
    return kept, left_out


def _aligned(maker: Maker) -> bool:
    generator = maker.generator
    return isinstance(generator, Reconstructor) and generator.aligned


def _of_all(watch: Watch, k: int, decoders: int) -> Watch:
    def told(progress: Progress) -> None:
        rest = (decoders - k - 1) * (progress.seconds + progress.seconds_left)
        watch(
            Progress(
                step=progress.step,
                used=(k + progress.used) / decoders,
                seconds=progress.seconds,
                seconds_left=progress.seconds_left + rest,
                losses=progress.losses,
            )
        )

    return told
