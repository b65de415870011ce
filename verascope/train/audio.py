"""`verascope train audio`: corpora to the model folder of a network on log power spectra.

The same skeleton as for pictures: one network for each fold of sources, scored on the sources that
it never saw, which gives figures, calibration and thresholds; then one on all, which is exported.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verascope.detect import sound_windows
from verascope.detect.spectrum import log_power
from verascope.generate.device import pick, set_threads
from verascope.generate.sounds import example_sounds
from verascope.result import Modality
from verascope.train import audio_network, corpora, sound_views
from verascope.train.audio_network import PairState
from verascope.train.audio_recipe import AudioRecipe
from verascope.train.corpora import Item
from verascope.train.fit import Budget, Progress, loop
from verascope.train.folder import Facts, Model, reference_file, write
from verascope.train.image import CODE, MODEL, Data, claim
from verascope.train.network import parameters
from verascope.train.report import Scored
from verascope.train.sampling import Sampler
from verascope.train.sound import DRAWN, LIMITS, SECONDS
from verascope.train.sound_fates import training_window
from verascope.train.sound_features import MOST, load
from verascope.train.sound_measure import DEV, foreign, measure

Sounds = Callable[[int], NDArray[np.int16]]  # position of an item to its samples


@dataclass(frozen=True)
class AudioRun:
    """What a training is asked to do; see verascope.train.image.Run.

    Attributes:
        seconds: stop each network after so long instead of the recipe's steps.
        resume: go on with what lies in `out`.
        report: called with the name of the network in training and each line of its log.
    """

    folders: Sequence[Path]
    out: Path
    recipe: AudioRecipe
    name: str = "audio-network"
    version: str = "0.1.0"
    command: str = ""
    device: str = "auto"
    threads: int | None = 1
    seconds: float | None = None
    resume: bool = False
    report: Callable[[str, Progress], None] = field(default=lambda _name, _line: None)


class PairBatches:
    """The batch of a step: spectra of windows whose twins shared offset, codec, band and noise."""

    def __init__(self, recipe: AudioRecipe, items: Sequence[Item], sounds: Sounds) -> None:
        self.recipe = recipe
        self.sounds = sounds
        self.labels = np.array([item.row.label == "synthetic" for item in items], np.float32)
        self.sampler = Sampler(items, recipe.batch, recipe.seed)

    def __call__(self, step: int, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """Spectra float32 [n, 125, 257], labels float32 [n], twins bool [n / 2]."""
        drawn = self.sampler.draw(step)
        windows = [
            training_window(self.sounds(index), self.recipe, np.random.default_rng(seed))
            for index, seed in drawn
        ]
        seeds = np.array([seed for _, seed in drawn]).reshape(-1, 2)
        return (
            torch.from_numpy(log_power(np.stack(windows))),
            torch.from_numpy(self.labels[[index for index, _ in drawn]]),
            torch.from_numpy(seeds[:, 0] == seeds[:, 1]),
        )

    def close(self) -> None:
        """Nothing is held open."""


def train_audio(run: AudioRun) -> Path:
    """Train, calibrate, export, measure; returns the model folder.

    Raises:
        UsageError: the corpora do not hold both classes, or `out` holds another run.
    """
    set_threads(run.threads)
    pick(run.device)
    read = corpora.read_corpora(run.folders, "train")
    data = Data(corpora.items_of(read), run.recipe)
    dev = corpora.items_of(corpora.read_all(run.folders, DEV))
    claim(run, data)
    sounds = cache(lambda index: load(data.items[index]))
    held_out = _score_held_out(run, data, sounds)
    network = _fit(run, data, sounds, "final", data.trained)
    scored = None
    if dev:
        scored = {v: Scored(dev, judged(network, map(load, dev), v)) for v in sound_views.VIEWS}
    measured = measure(held_out, scored, run.out, run.recipe.seed)
    facts = Facts(
        run.name,
        run.version,
        {"train": run.command, "evaluate": run.command},
        (run.out / CODE).read_text(),
        run.recipe,
        read,
        _model(network),
        Modality.AUDIO,
    )
    return write(run.out / MODEL, facts, *measured)


def judged(
    network: nn.Module, sounds: Iterable[NDArray[np.int16]], view: str
) -> NDArray[np.float64]:
    """Recordings' logits under a view, the mean over their first windows: float64 [n]."""
    found = []
    for samples in sounds:
        shown = sound_views.show(samples, view)
        cut = sound_windows.windows(shown, MOST).values
        found.append(float(audio_network.torch_score(network, cut).mean()))
    return np.array(found)


def _score_held_out(run: AudioRun, data: Data, sounds: Sounds) -> dict[str, Scored]:
    """Each recording's logits by a network that never saw its source; our own are left out."""
    found = {view: np.full(len(data.items), np.nan) for view in sound_views.VIEWS}
    chosen = foreign(data.items)
    for fold in range(run.recipe.folds):
        rest = data.trained[data.folds[data.trained] != fold]
        network = _fit(run, data, sounds, f"fold-{fold}", rest)
        held = np.flatnonzero((data.folds == fold) & chosen)
        for view, logits in found.items():
            logits[held] = judged(network, map(sounds, held.tolist()), view)
    return {view: Scored(data.items, logits, data.folds) for view, logits in found.items()}


def _fit(
    run: AudioRun, data: Data, sounds: Sounds, name: str, chosen: NDArray[np.int64]
) -> nn.Module:
    """Train one network of the run, in its own folder."""
    places = chosen.tolist()
    return loop(
        run.recipe,
        PairState(run.recipe, pick(run.device)),
        PairBatches(run.recipe, [data.items[i] for i in places], lambda k: sounds(places[k])),
        run.out / name,
        budget=Budget(run.seconds),
        report=lambda line: run.report(name, line),
    )


def _model(network: nn.Module) -> Model:
    """What becomes of the run, as files and words."""
    drawn = [item.media for item in example_sounds(SECONDS, DRAWN)]
    windows = np.concatenate([sound_windows.windows(samples).values for samples in drawn])
    return Model(
        audio_network.to_onnx(network, windows),
        reference_file(windows, audio_network.torch_score(network, windows)),
        parameters(network),
        {
            "input": "float32 [n, 125, 257], log power of 2 s of mono sound at 16 kHz",
            "windows": "verascope.detect.sound_windows: side by side over the recording",
            "front end": "verascope.detect.spectrum.log_power",
        },
        tuple(sound_views.VIEWS),
        LIMITS,
    )
