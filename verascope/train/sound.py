"""`verascope train sound-head`: corpora and encoders of sound to the model folder of a detector.

The encoders stay as they are; what they say of each recording under each view is kept on disk. One
set of heads for each fold of sources, scored on the sources that it never saw: these logits give
the headline figure, the calibration and the thresholds. Then the same recipe on all training
sources: those heads are exported. The dev split chooses nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from verascope.detect.encoder import FP32
from verascope.detect.model_folder import TapsUse
from verascope.detect.session import Session
from verascope.detect.sound_encoder import SoundEncoder, open_installed_sound
from verascope.detect.sound_heads import opened
from verascope.detect.spectral_encoder import NAME, SHIPPED, SpectralEncoder
from verascope.encoders.known import SOUND
from verascope.errors import UsageError
from verascope.generate.sounds import example_sounds
from verascope.result import Modality
from verascope.train import corpora, sound_features, sound_views
from verascope.train.corpora import Item
from verascope.train.folder import Facts, Model, code_sha256, reference_file, write
from verascope.train.image import MODEL, RECIPE, Data
from verascope.train.report import Scored
from verascope.train.sound_graph import to_onnx
from verascope.train.sound_heads import Heads, Material, fit
from verascope.train.sound_measure import DEV, foreign, measure
from verascope.train.sound_recipe import HeadPart, SoundRecipe

DRAWN, SECONDS = 4, 2.0  # sounds of the stored reference, and how long each is
LIMITS = (
    "Token-based and diffusion text-to-speech of recent years, and generated music, were ranked at "
    "or below real recordings by every detector measured on sources kept aside: do not take "
    "unremarkable for real.",
    "Trained on about a hundred engines through demo pages, mostly read speech in English: the "
    "recording chain weighs more than the voice, so look at the intervals over sources, and set "
    "thresholds on your own recordings (verascope calibrate).",
    "Judged on 2 s windows of speech; music and sound without speech are not scored.",
    "Not measured: whether speakers of some accents, ages or voices, or users of speech aids, are "
    "flagged more often than others.",
)
Report = Callable[[str, int, int], None]  # which view of which encoder, done, of how many


@dataclass(frozen=True)
class SoundRun:
    """What a training is asked to do.

    Attributes:
        folders: corpora.
        out: folder of the run; the model folder is `out/model`.
        recipe: how to train.
        features: folder that keeps the encoders' vectors.
        name, version: of the model.
        command: the command line that trains, for the card.
        report: called as the encoders go through the recordings.
    """

    folders: Sequence[Path]
    out: Path
    recipe: SoundRecipe
    features: Path
    name: str = "audio-encoders"
    version: str = "0.1.0"
    command: str = ""
    report: Report = field(default=lambda _view, _done, _all: None)


def train_sound(run: SoundRun) -> Path:
    """Train, calibrate, export, measure; returns the model folder.

    Raises:
        UsageError: the corpora do not hold both classes, or an encoder is not installed.
    """
    read = corpora.read_corpora(run.folders, "train")
    data = Data(corpora.items_of(read), run.recipe)
    dev = corpora.items_of(corpora.read_all(run.folders, DEV))
    material, unseen = material_of(run, data.items), material_of(run, dev)
    held_out = score_held_out(run, data, material)
    heads = fit(material.at(data.trained), run.recipe)
    run.out.mkdir(parents=True, exist_ok=True)
    scored = {view: Scored(dev, heads(unseen, view)) for view in sound_views.VIEWS} if dev else None
    measured = measure(held_out, scored, run.out, run.recipe.seed)
    (run.out / RECIPE).write_bytes(msgspec.json.format(msgspec.json.encode(run.recipe)))
    facts = Facts(
        run.name,
        run.version,
        {"train": run.command, "evaluate": run.command},
        code_sha256(),
        run.recipe,
        read,
        _model(run, heads),
        Modality.AUDIO,
    )
    return write(run.out / MODEL, facts, *measured)


def material_of(run: SoundRun, items: list[Item]) -> Material:
    """What the encoders say of the items under every view, of those taps that heads take."""
    found = {}
    for part in dict.fromkeys((*run.recipe.heads, *run.recipe.teachers)):
        encoder = _encoder(part)
        for view in sound_views.VIEWS:
            found[part, view] = sound_features.vectors(
                encoder,
                part.taps,
                items,
                view,
                run.features,
                lambda done, of, v=view, p=part: run.report(f"{p.encoder}, {v}", done, of),  # type: ignore[misc]
            )
    return Material(items, found)


def score_held_out(run: SoundRun, data: Data, material: Material) -> dict[str, Scored]:
    """Each recording's logits by heads that never saw its source; our own recordings left out."""
    found = {view: np.full(len(data.items), np.nan) for view in sound_views.VIEWS}
    judged = foreign(data.items)
    for fold in range(run.recipe.folds):
        rest = data.trained[data.folds[data.trained] != fold]
        heads = fit(material.at(rest), run.recipe)
        held = np.flatnonzero((data.folds == fold) & judged)
        for view, logits in found.items():
            logits[held] = heads(material.at(held), view)
    return {view: Scored(data.items, logits, data.folds) for view, logits in found.items()}


def _encoder(part: HeadPart) -> SoundEncoder:
    """The encoder of a head.

    Raises:
        UsageError: it is not installed, or gives no such tap.
    """
    encoder = opened(_use(part.encoder, part.taps))
    for tap in part.taps:
        if tap not in encoder.description.taps:
            given = ", ".join(encoder.description.taps)
            raise UsageError(f"{part.encoder} gives no tap {tap!r}; it gives {given}")
    return encoder


def _use(name: str, taps: tuple[str, ...]) -> TapsUse:
    """An encoder by its name, in the build that is known or, of a user's own, installed."""
    if name == NAME:
        sha256 = SpectralEncoder(SHIPPED).description.sha256
        return TapsUse(name=name, builds={FP32: sha256}, taps=taps)
    if name in SOUND:
        return TapsUse(name=name, builds={FP32: SOUND[name].builds[FP32]}, taps=taps)
    described = open_installed_sound(name, "own").description
    return TapsUse(name=name, builds={described.build: described.sha256}, taps=taps)


def _model(run: SoundRun, heads: Heads) -> Model:
    """What becomes of the run, as files and words."""
    uses, places = _layout(run.recipe.heads)
    graph = to_onnx([(heads.fitted[part], places[part]) for part in run.recipe.heads])
    windows = np.stack([item.media for item in example_sounds(SECONDS, DRAWN)])
    said = [_taken(use, windows) for use in uses]
    logits = Session(graph, ("CPUExecutionProvider",), 1)(np.concatenate(said, axis=1))
    fitted = heads.fitted.values()
    arrays = [a for h in fitted for a in (h.mean, h.scale, h.components, h.landmarks, h.weights)]
    described = ", ".join(f"{use.name}, {opened(use).description.licence}" for use in uses)
    return Model(
        graph,
        reference_file(windows, logits),
        sum(array.size for array in arrays),
        {
            "input": "int16 [n, 32000], 2 s of mono sound at 16 kHz",
            "windows": "verascope.detect.sound_windows: side by side over the recording",
            "encoders": f"frozen: {described}",
            "heads": "kernel ridge regression on the encoders' vectors; the mean of their logits",
        },
        tuple(sound_views.VIEWS),
        LIMITS,
        encoders=uses,
    )


def _layout(
    parts: Sequence[HeadPart],
) -> tuple[tuple[TapsUse, ...], dict[HeadPart, Any]]:
    """The encoders with all the taps that heads take, and each head's places among them."""
    taps: dict[str, dict[str, None]] = {}
    for part in parts:
        taps.setdefault(part.encoder, {}).update(dict.fromkeys(part.taps))
    uses = tuple(_use(name, tuple(wanted)) for name, wanted in taps.items())
    starts: dict[tuple[str, str], range] = {}
    start = 0
    for use in uses:
        encoder = opened(use)
        for tap in use.taps:
            width = encoder.slices[tap].stop - encoder.slices[tap].start
            starts[use.name, tap] = range(start, start + width)
            start += width
    places = {
        part: np.concatenate([np.array(starts[part.encoder, tap]) for tap in part.taps])
        for part in parts
    }
    return uses, places


def _taken(use: TapsUse, windows: Any) -> Any:
    """What an encoder says of windows, in the taps' order: float32 [n, width]."""
    encoder = opened(use)
    said = encoder.vectors(windows)
    return np.concatenate([said[:, encoder.slices[tap]] for tap in use.taps], axis=1)
