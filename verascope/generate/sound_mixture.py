"""One corpus of many drawn vocoders: train each, leave out those that are not good, write.

Whole families can be kept out: their twins, of sources that no vocoder was trained on, make a
second corpus, on which a detector is measured that never heard the architecture.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from verascope.errors import UsageError
from verascope.generate import corpus
from verascope.generate.checks import ConfoundedError, check_alignment
from verascope.generate.contract import Budget, Progress, Watch
from verascope.generate.corpus import Maker
from verascope.generate.device import pick
from verascope.generate.draw_sound import FAMILIES, Drawn, check, drawn
from verascope.generate.files import DEV_EVERY
from verascope.generate.pairs import Plan, measure
from verascope.generate.run import write_json
from verascope.generate.sound_test import SoundTest
from verascope.generate.sounds import Sounds, open_sounds

DRAWS = 2  # of a place, until its vocoder is good


class SoundMixture(NamedTuple):
    """What came of it.

    Attributes:
        report: corpus.json's content.
        unheard: that of the corpus of the families that were kept out, or None.
        kept: the vocoders in both corpora, with their self-tests.
        left_out: run folders of vocoders that are not, and why.
    """

    report: dict[str, Any]
    unheard: dict[str, Any] | None
    kept: list[Maker]
    left_out: dict[str, str]


def sound_mixture(
    data: Path,
    out: Path,
    *,
    vocoders: int,
    budget: Budget,
    plan: Plan,
    families: Sequence[str] = FAMILIES,
    keep_out: Sequence[str] = (),
    device: str = "auto",
    watch: Watch | None = None,
    jobs: int | None = None,
) -> SoundMixture:
    """Train vocoders 0 to n − 1 of the plan's seed and write a corpus of those that are good.

    A place whose vocoder is not good is drawn again once. Runs lie in `out`/runs/NN and go on
    after a kill, as the corpora in `out`/corpus and `out`/unheard do.

    Args:
        data: a folder of real recordings, or a corpus.
        out: folder for everything.
        vocoders: how many are drawn; see draw_sound.py.
        budget: of each.
        plan: of each corpus. With `allow_confounds` no vocoder is left out.
        families: those that take turns.
        keep_out: of them, those whose twins go to `out`/unheard alone.
        device: auto, cpu, cuda, …
        watch: told of each training; `used` runs over all of them.
        jobs: threads that encode and sign.

    Raises:
        UsageError: a family is unknown, all are kept out, too few sources are there to keep some
            for what is kept out, or no vocoder is good enough.
    """
    check(families)
    if unknown := sorted(set(keep_out) - set(families)):
        raise UsageError(f"{', '.join(unknown)} cannot be kept out: not among the families")
    if keep_out and not set(families) - set(keep_out):
        raise UsageError("all families are kept out: leave one to train on")
    if vocoders < len(families):
        raise UsageError(f"{len(families)} families take turns: draw {len(families)} at least")
    heard, kept_for = parted(open_sounds(data)) if keep_out else (open_sounds(data), None)
    makers: list[Maker] = []
    left_out: dict[str, str] = {}
    for k in range(vocoders):
        for again in range(DRAWS):
            generator = drawn(plan.seed, k, again, families)
            generator = type(generator)(generator.config, pick(device))
            folder = out / "runs" / (f"{k:02d}-{again}" if again else f"{k:02d}")
            shown = kept_for if kept_for is not None and generator.name in keep_out else heard
            told = watch and _of_all(watch, k, vocoders)
            checkpoint = generator.train(
                heard.only("train"), budget, seed=plan.seed, out=folder, watch=told
            )
            maker = Maker(generator, checkpoint, _test(generator, checkpoint, shown, plan))
            reason = "" if plan.allow_confounds else trouble(maker)
            if not reason:
                makers.append(maker)
                break
            left_out[folder.name] = reason
    inside = [maker for maker in makers if maker.generator.name not in keep_out]
    outside = [maker for maker in makers if maker.generator.name in keep_out]
    if not inside or (keep_out and not outside):
        raise UsageError(f"too few vocoders are good enough, train longer: {left_out}")
    report = corpus.write(inside, heard, plan, out / "corpus", jobs=jobs)
    unheard = None
    if kept_for is not None:
        unheard = corpus.write(outside, kept_for, plan, out / "unheard", jobs=jobs)
    return SoundMixture(report, unheard, makers, left_out)


def parted(sounds: Sounds) -> tuple[Sounds, Sounds]:
    """Recordings to train on, and those of other sources, all dev.

    A plain folder's own dev sources; of a corpus, whose recordings are all train, one source in
    five, by a hash of its name.

    Raises:
        UsageError: there are fewer than five sources.
    """
    sources = sorted(
        {row.source for row in sounds.rows}, key=lambda s: hashlib.sha256(s.encode()).hexdigest()
    )
    dev = {row.source for row in sounds.rows if row.split == "dev"}
    dev = dev or set(sources[: len(sources) // DEV_EVERY])
    if not dev:
        raise UsageError(f"{len(sources)} sources are too few to keep families out: give five")
    rows = [msgspec.structs.replace(r, split="dev") if r.source in dev else r for r in sounds.rows]
    split = sounds.relabelled(rows)
    return split.only("train"), split.only("dev")


def trouble(maker: Maker) -> str:
    """Why a vocoder's twins are not good enough, or nothing."""
    try:
        check_alignment(maker.generator, maker.test)
    except ConfoundedError:
        assert isinstance(maker.test, SoundTest)
        return f"mel distance {maker.test.mel_l1:.2f}"
    return ""


def _test(generator: Drawn, checkpoint: Path, shown: Sounds, plan: Plan) -> SoundTest:
    """The self-test, kept in the run folder: going on after a kill does not measure again."""
    report = checkpoint.parent / "report.json"
    of = {
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "data_sha256": shown.sha256,
        "seed": plan.seed,
        "window_s": list(plan.window_s),
    }
    if report.is_file():
        kept = json.loads(report.read_bytes())
        if kept.pop("of", None) == of:
            return msgspec.convert(kept, SoundTest)
    test = measure(generator, shown, plan)
    assert isinstance(test, SoundTest)
    write_json(report, {**msgspec.to_builtins(test), "of": of})
    return test


def _of_all(watch: Watch, k: int, vocoders: int) -> Watch:
    def told(progress: Progress) -> None:
        rest = (vocoders - k - 1) * (progress.seconds + progress.seconds_left)
        watch(
            msgspec.structs.replace(
                progress,
                used=(k + progress.used) / vocoders,
                seconds_left=progress.seconds_left + rest,
            )
        )

    return told
