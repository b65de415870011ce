"""The detectors of sound: leave-sources-out and dev figures, cost, and long recordings; as JSON.

    python -m benchmarks.audio --corpus ../shared/corpora/audio --json benchmarks/results/audio.json
    python -m benchmarks.audio --corpus ../shared/corpora/audio --built-in my-corpus --json …
    python -m benchmarks.audio --corpus ../shared/corpora/audio --cost --long --json …

Each recipe is fitted leave-sources-out on the corpus's train split, and then on all of it for dev;
`without X` drops one head. What the encoders say is kept, so that only the first run is long. With
--built-in, recordings that Verascope's generators made are the synthetic class of the training,
alone or beside the corpus's own; figures are of the corpus's recordings always.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from verascope.detect import registry
from verascope.detect.encoder import cache_folder
from verascope.detect.sound_windows import LENGTH
from verascope.detect.spectrum import RATE
from verascope.generate.sounds import example_sounds
from verascope.train import corpora, report, sound_nulls, sound_views
from verascope.train.corpora import Item
from verascope.train.image import Data
from verascope.train.report import Scored
from verascope.train.sound import SoundRun, material_of, score_held_out
from verascope.train.sound_features import load
from verascope.train.sound_heads import fit, is_built_in
from verascope.train.sound_measure import nulls_beside
from verascope.train.sound_recipe import ACCURATE, RECIPES, HeadPart, SoundRecipe

PLCMOS = HeadPart(encoder="plcmos", taps=("conv 3",), components=80, narrowness=0.3, ridge=0.1)
DETECTORS = ("audio-spectral", "audio-encoders")
REPEATS = 5
SHORT_S, MINUTE_S = 2.0, 60.0
LENGTHS_S = (2, 10, 60, 300)
HOURS = 3


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--built-in", type=Path, help="a corpus of Verascope's own generators")
    parser.add_argument("--cost", action="store_true", help="times real time, memory on 3 hours")
    parser.add_argument("--long", action="store_true", help="real clips one after the other")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    if asked.cost:
        found |= {"cost": cost(), "memory": memory()}
    if asked.long:
        found["long"] = long(asked.corpus)
    if not found:
        found = discrimination(asked.corpus, asked.built_in)
    print(json.dumps(found, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def discrimination(corpus: Path, built_in: Path | None) -> dict[str, Any]:
    """Figures of each recipe under each view, and speech, music and sound apart."""
    return {recipe.name: _figures(corpus, built_in, recipe) for recipe in _recipes(built_in)}


def _recipes(built_in: Path | None) -> Iterator[SoundRecipe]:
    change = msgspec.structs.replace
    accurate, fast = RECIPES["accurate"], RECIPES["fast"]
    yield from (accurate, fast)
    if built_in is not None:
        yield change(accurate, name="accurate, built-in alone", built_in=1.0)
        yield change(fast, name="fast, built-in alone", built_in=1.0, teachers=())
        return
    yield change(fast, name="fast, not taught", teachers=())
    yield change(accurate, name="accurate with plcmos conv 3", heads=(*ACCURATE, PLCMOS))
    for part in ACCURATE:
        name = f"{part.encoder} {part.taps[0]}"
        rest = tuple(other for other in ACCURATE if other is not part)
        yield change(accurate, name=f"{name} alone", heads=(part,))
        yield change(accurate, name=f"accurate without {name}", heads=rest)


def _figures(corpus: Path, built_in: Path | None, recipe: SoundRecipe) -> dict[str, Any]:
    folders = [corpus] if built_in is None else [corpus, built_in]
    run = SoundRun(folders, Path(), recipe, cache_folder() / "features")
    data = Data(corpora.items_of(corpora.read_corpora(folders, "train")), recipe)
    if recipe.built_in == 1.0:
        data.trained = np.array([k for k in data.trained if is_built_in(data.items[k])])
    dev = corpora.items_of(corpora.read_all([corpus], "dev"))
    known, unseen = material_of(run, data.items), material_of(run, dev)
    held_out = score_held_out(run, data, known)
    heads = fit(known.at(data.trained), recipe)
    scored = {view: Scored(dev, heads(unseen, view)) for view in sound_views.VIEWS}
    seen = sound_nulls.table(held_out[sound_views.HEADLINE].items)
    main = held_out[sound_views.HEADLINE]
    nulls = nulls_beside(held_out, seen)
    dev_nulls = nulls_beside(scored, sound_nulls.table(dev), (seen, main))
    return {
        "leave_sources_out": _by_view(held_out, nulls),
        "dev": _by_view(scored, dev_nulls),
        "leave_sources_out_by_style": _by_style(main),
        "dev_by_style": _by_style(scored[sound_views.HEADLINE]),
    }


def _made(item: Item) -> bool:
    return item.row.label == "synthetic"


def _by_view(scored: dict[str, Scored], nulls: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {view: report.discrimination(part) | nulls[view] for view, part in scored.items()}


def _by_style(scored: Scored) -> dict[str, Any]:
    found = {}
    for style in ("speech", "music", "sound"):
        part = scored.only(lambda item, s=style: item.style == s)  # type: ignore[misc]
        if part.both:
            found[style] = report.discrimination(part)["auroc"]
    return found


def cost() -> dict[str, Any]:
    """How many times as fast as the sound each detector and each of its encoders is; one thread.

    The least of a few repeats, over a minute of drawn speech in windows; decoding is not in it.
    """
    media = _speech(MINUTE_S)
    found: dict[str, Any] = {}
    for name in DETECTORS:
        detector: Any = registry.create(name)
        detector.load()
        windows = detector.windows(media)
        seconds = len(windows.values) * LENGTH / RATE
        found[name] = {
            "times_real_time": round(
                seconds / _least(lambda d=detector, w=windows: d.score(w.values)), 1
            ),
            "with_windows": round(
                seconds / _least(lambda d=detector: d.score(d.windows(media).values)), 1
            ),
            "bytes": sum(f.stat().st_size for f in detector.folder.path.glob("*.onnx")),
            "encoders": {
                encoder.description.name: {
                    "times_real_time": round(
                        seconds / _least(lambda e=encoder, w=windows: e.vectors(w.values)), 1
                    ),
                    "bytes": sum(f.stat().st_size for f in encoder.folder.glob("*.onnx")),
                }
                for encoder, _ in detector.encoders
            },
        }
    return found


def memory() -> dict[str, Any]:
    """Peak memory of a whole scan of a short recording and of three hours, by tier, in MB."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, seconds in (("10 s", 10), (f"{HOURS} h", HOURS * 3600)):
            file = Path(folder) / f"{seconds}.flac"
            _write(file, seconds)
            for quality in ("fast", "accurate"):
                begun = time.perf_counter()
                peak = _peak_mb(["scan", "--quality", quality, "--exit-zero", "-q", str(file)])
                took = time.perf_counter() - begun
                found[f"{label}, {quality}"] = {"peak_mb": peak, "seconds": round(took, 1)}
    return found


def _write(file: Path, seconds: float) -> None:
    """Drawn speech over and over, as FLAC of 16 kHz, never whole in memory."""
    minute = _speech(MINUTE_S)
    with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16") as out:
        left = int(seconds * RATE)
        while left > 0:
            out.write(minute[:left])
            left -= len(minute)


def _peak_mb(arguments: Sequence[str]) -> float:
    """The larger peak of the process and of its workers.

    A process inherits the peak of the one that it was forked from, so a small one starts it.
    """
    start = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    code = (
        "import resource, sys\n"
        "from verascope.cli.main import run\n"
        "run(sys.argv[1:])\n"
        "of = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)\n"
        "print(max(resource.getrusage(who).ru_maxrss for who in of), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start, sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return round(int(done.stderr.split()[-1]) / 1024, 1)


def long(corpus: Path) -> dict[str, Any]:
    """How often real recordings of growing length reach the points: dev's clips, source by source.

    Clips of one source follow each other, drawn with replacement; a recording without speech does
    not count. Also how often the points are reached where one synthetic clip of the same source is
    inserted, and how often its own segment is then the highest.
    """
    items = [i for i in corpora.items_of(corpora.read_all([corpus], "dev")) if i.style == "speech"]
    found: dict[str, Any] = {}
    for name in DETECTORS:
        detector: Any = registry.create(name)
        logits = {item.row.path: _logits(detector, load(item)) for item in items}
        found[name] = {
            f"{seconds} s": _of_length(detector, items, logits, seconds) for seconds in LENGTHS_S
        }
    return found


def _logits(detector: Any, media: NDArray[np.int16]) -> NDArray[np.float32]:
    windows = detector.windows(media)
    return np.asarray(detector.score(windows.values) if len(windows.values) else [], np.float32)


def _of_length(
    detector: Any, items: Sequence[Item], logits: dict[str, NDArray[np.float32]], seconds: int
) -> dict[str, Any]:
    rng = np.random.default_rng(seconds)
    count = max(1, seconds * RATE // LENGTH)
    flagged: dict[str, list[list[bool]]] = {"real": [], "with an insert": []}
    found = []
    for source in sorted({item.row.source for item in items}):
        of_source = [i for i in items if i.row.source == source]
        real = [one for i in of_source if not _made(i) for one in logits[i.row.path]]
        made = [one for i in of_source if _made(i) for one in logits[i.row.path]]
        for _ in range(20 if real else 0):
            clips = rng.choice(real, count).astype(np.float32)
            flagged["real"].append(_reached(detector, clips))
            if made and count > 1:
                clips[int(rng.integers(count))] = insert = rng.choice(made)
                flagged["with an insert"].append(_reached(detector, clips))
                found.append(bool(insert >= clips.max()))
    points = [point.name for point in detector.operating_points]
    shares = {
        what: dict(zip(points, np.mean(rows, axis=0).round(3).tolist(), strict=True))
        for what, rows in flagged.items()
        if rows
    }
    return shares | ({"insert_is_highest": round(float(np.mean(found)), 3)} if found else {})


def _reached(detector: Any, logits: NDArray[np.float32]) -> list[bool]:
    score = detector.calibrate(detector.pool(logits)).score
    return [score >= point.threshold for point in detector.operating_points]


def _speech(seconds: float) -> NDArray[np.int16]:
    """Drawn sounds like a voice's, int16 [n]."""
    drawn = example_sounds(SHORT_S, int(np.ceil(seconds / SHORT_S)))
    return np.concatenate([item.media for item in drawn])[: int(seconds * RATE)]


def _least(act: Any) -> float:
    """The least CPU time of a few repeats, in seconds."""
    spent = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_SELF)
        act()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


if __name__ == "__main__":
    main()
