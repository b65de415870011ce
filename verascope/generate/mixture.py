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
    MIN_PSNR_DB,
    ConfoundedError,
    check_alignment,
)
from verascope.generate.contract import Budget, Progress, Watch
from verascope.generate.corpus import Maker
from verascope.generate.data import Pictures, open_pictures
from verascope.generate.device import pick
from verascope.generate.draw import TURN, drawn, wider
from verascope.generate.forms import Test
from verascope.generate.pairs import Plan, measure
from verascope.generate.reconstructor import Reconstructor
from verascope.generate.run import write_json
from verascope.generate.spectrum import SelfTest

DRAWS = 3  # of a place, until its decoder is good


class Mixture(NamedTuple):
    """What came of it.

    Attributes:
        report: corpus.json's content.
        kept: the decoders in the corpus, with their self-tests.
        left_out: run folders of decoders that are not, and why.
    """

    report: dict[str, Any]
    kept: list[Maker]
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

    A place whose decoder is not good is drawn again, twice at most. Runs lie in `out`/runs/NN and
    go on after a kill, as the corpus in `out`/corpus does.

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
    left_out: dict[str, str] = {}
    for k in range(decoders):
        for again in range(DRAWS):
            generator = Reconstructor(drawn(plan.seed, k, again), pick(device))
            folder = out / "runs" / (f"{k:02d}-{again}" if again else f"{k:02d}")
            checkpoint = generator.train(
                pictures.only("train"),
                budget,
                seed=plan.seed,
                out=folder,
                watch=watch and _of_all(watch, k, decoders),
            )
            maker = _cut_off(generator, checkpoint, pictures, plan)
            reason = "" if plan.allow_confounds else trouble(maker)
            if not reason:
                makers.append(maker)
                break
            left_out[folder.name] = reason
    if not plan.allow_confounds:
        makers = _few_fingerprints(makers, left_out)
    if not makers:
        raise UsageError(f"no decoder is good enough, train longer: {left_out}")
    report = corpus.write(makers, pictures, plan, out / "corpus", jobs=jobs)
    return Mixture(report, makers, left_out)


def trouble(maker: Maker) -> str:
    """Why a decoder's aligned twins are not good enough, or nothing."""
    if not _aligned(maker):
        return ""
    try:
        check_alignment(maker.generator, maker.test)
    except ConfoundedError:
        assert isinstance(maker.test, SelfTest)
        return f"spectrum AUROC {maker.test.spectrum_auroc:.2f}"
    assert isinstance(maker.test, SelfTest)
    near = (maker.test.psnr_db or 0) >= MIN_PSNR_DB
    return "" if near else f"{maker.test.psnr_db} dB"


def _cut_off(generator: Reconstructor, checkpoint: Path, pictures: Pictures, plan: Plan) -> Maker:
    """The decoder under the drawn low-pass swap, or the next wider one whose twins are good.

    The network is the same under all of them, so nothing is trained again; corpus.json has the
    config with the cut-off that was chosen.
    """
    config = generator.config
    makers = []
    for px in [config.low_pass_px, *(wider(config) if generator.aligned else ())]:
        other = Reconstructor(msgspec.structs.replace(config, low_pass_px=px), generator.device)
        other.adopt(generator)
        makers.append(Maker(other, checkpoint, _test(other, checkpoint, pictures, plan)))
        if plan.allow_confounds or not trouble(makers[-1]):
            break
    return makers[-1]


def _test(generator: Reconstructor, checkpoint: Path, pictures: Pictures, plan: Plan) -> Test:
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


def _few_fingerprints(makers: Sequence[Maker], left_out: dict[str, str]) -> list[Maker]:
    """All aligned decoders, and a third as many fingerprints at most; the rest is left out."""
    room = sum(_aligned(maker) for maker in makers) // (TURN - 1)
    kept = []
    for maker in makers:
        if not _aligned(maker):
            if room == 0:
                left_out[maker.checkpoint.parent.name] = "too many fingerprints"
                continue
            room -= 1
        kept.append(maker)
    return kept


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
