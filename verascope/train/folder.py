"""Writing a model folder: graph, description, card, stored reference."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import nn

from verascope import train
from verascope.detect import crops
from verascope.detect.calibration import Calibration
from verascope.detect.crops import CROP, MIN_SIDE
from verascope.detect.model_folder import (
    CARD,
    DESCRIPTION,
    GRAPH,
    PATCHES,
    REFERENCE,
    EncoderUse,
    Families,
    ModelDescription,
    Posts,
    TapsUse,
)
from verascope.detect.session import Session
from verascope.result import Modality, OperatingPoint
from verascope.train import sound_views, text_views
from verascope.train.audio_recipe import AudioRecipe
from verascope.train.card import card
from verascope.train.corpora import Corpus, Item
from verascope.train.export import test_windows
from verascope.train.head_recipe import HeadRecipe
from verascope.train.network import parameters
from verascope.train.protocols import CROPS, DESCRIPTIONS
from verascope.train.recipe import Recipe
from verascope.train.sound_recipe import SoundRecipe
from verascope.train.text_recipe import TextHeadRecipe, TextRecipe

LIMITS = (
    "It was trained on few sources, and the source decides more than the picture: expect worse "
    "figures on generators and cameras that are not listed above, and look at the intervals.",
    "Pictures that were only edited, upscaled, stylised or partly painted over are not what it was "
    "taught to find; their figures stand apart.",
    "Unremarkable means that nothing was found, never that a picture is real.",
    "Not measured: whether pictures of some groups of people, old photographs, scans, or pictures "
    "taken off a screen are flagged more often than others.",
)


class Model(NamedTuple):
    """What a training made.

    Attributes:
        graph: model.onnx, or another file that runs.
        reference: reference.npz: windows made by code, and their logits.
        parameters: how many numbers were fitted.
        preprocessing: what becomes of a picture before the graph, in words.
        protocols: under which it is measured, the headline first.
        limits: what it cannot do, in words.
        encoder: that it stands on, if any.
        patches: patches.onnx, if any.
        families: of generators that the graph tells apart, if any.
        encoders: of sound that it stands on, if any.
        file: what the graph is called.
        beside: shipped models that have a part in its logits, with their sha256.
        posts: how logits of people's texts lie, of a detector of text.
    """

    graph: bytes
    reference: bytes
    parameters: int
    preprocessing: dict[str, Any]
    protocols: Sequence[str]
    limits: tuple[str, ...] = LIMITS
    encoder: EncoderUse | None = None
    patches: bytes | None = None
    families: Families | None = None
    encoders: tuple[TapsUse, ...] = ()
    file: str = GRAPH
    beside: dict[str, str] = {}  # noqa: RUF012 - never changed
    posts: Posts | None = None


class Facts(NamedTuple):
    """What is known of a model before it is measured; `commands` are train and evaluate."""

    name: str
    version: str
    commands: dict[str, str]
    code_sha256: str  # of the code that began the training
    recipe: Recipe | HeadRecipe | SoundRecipe | AudioRecipe | TextRecipe | TextHeadRecipe
    corpora: list[Corpus]
    model: Model
    modality: Modality = Modality.IMAGE


def crops_model(network: nn.Module, graph: bytes) -> Model:
    """A network of native crops, exported."""
    windows = test_windows()
    logits = Session(graph, ("CPUExecutionProvider",), 1)(windows)
    return Model(
        graph,
        reference_file(windows, logits),
        parameters(network),
        {
            "input": f"uint8 [n, {CROP}, {CROP}, 3], RGB, 0 to 255; normalised in the graph",
            "windows": "verascope.detect.crops.native_crops: up to five crops, never resized",
            "pooling": "mean of the crops' logits",
            "smallest_side_px": MIN_SIDE,
        },
        CROPS,
    )


def write(
    folder: Path,
    facts: Facts,
    calibration: Calibration,
    points: tuple[OperatingPoint, ...],
    metrics: dict[str, Any],
) -> Path:
    """Write a model folder, wholly or not at all; returns it."""
    model = facts.model
    description = ModelDescription(
        name=facts.name,
        version=facts.version,
        modality=facts.modality,
        sha256=sha256(model.graph),
        parameters=model.parameters,
        calibration=calibration,
        operating_points=points,
        preprocessing=model.preprocessing,
        training=_training(facts),
        metrics=metrics,
        limits=model.limits,
        reference_sha256=sha256(model.reference),
        encoder=model.encoder,
        encoders=model.encoders,
        patches_sha256=None if model.patches is None else sha256(model.patches),
        families=model.families,
        beside=model.beside,
        posts=model.posts,
    )
    files = {model.file: model.graph, REFERENCE: model.reference, **_described(description)}
    if model.patches is not None:
        files[PATCHES] = model.patches
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        fresh, old = Path(beside) / "new", Path(beside) / "old"
        fresh.mkdir()
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        if folder.exists():
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    return folder


def save_description(folder: Path, description: ModelDescription) -> None:
    """Write model.json and the card that is generated from it; each is replaced at once."""
    for name, data in _described(description).items():
        part = folder / f".{name}.part"
        part.write_bytes(data)
        part.replace(folder / name)


def _described(description: ModelDescription) -> dict[str, bytes]:
    """The files that hold the description: file name to content."""
    encoded = msgspec.json.format(msgspec.json.encode(description))
    return {DESCRIPTION: encoded + b"\n", CARD: card(description).encode()}


def code_sha256() -> str:
    """One hash over the code that decides what a training gives."""
    digest = hashlib.sha256()
    files = [*sorted(Path(train.__file__).parent.glob("*.py")), Path(crops.__file__)]
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _training(facts: Facts) -> dict[str, Any]:
    """Where the model comes from: command, code, recipe, corpora with their sources."""
    return {
        "commands": facts.commands,
        "code_sha256": facts.code_sha256,
        "seed": facts.recipe.seed,
        "recipe": msgspec.to_builtins(facts.recipe),
        "corpora": [_corpus(corpus) for corpus in facts.corpora],
        "protocols": {name: _protocols(facts)[name] for name in facts.model.protocols},
    }


def _protocols(facts: Facts) -> dict[str, str]:
    known = {Modality.IMAGE: DESCRIPTIONS, Modality.TEXT: text_views.DESCRIPTIONS}
    return known.get(facts.modality, sound_views.DESCRIPTIONS)


def _corpus(corpus: Corpus) -> dict[str, Any]:
    """A corpus by its hash, with the sources, origins, licences and generators of what was used."""
    used = [item for item in corpus.items if item.headline]
    synthetic = [item for item in used if item.row.label == "synthetic"]
    return {
        "name": corpus.name,
        "manifest_sha256": corpus.manifest_sha256,
        "real": _sources_of(item for item in used if item.row.label == "real"),
        "synthetic": _sources_of(synthetic),
        "generators": dict(
            sorted(Counter(i.row.generator or "unnamed" for i in synthetic).items())
        ),
        "families": dict(sorted(Counter(i.row.family or "unnamed" for i in synthetic).items())),
    }


def _sources_of(items: Iterable[Item]) -> dict[str, dict[str, Any]]:
    """Source to how many files, from which repositories or packages, under which licences."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        entry = found.setdefault(item.row.source, {"files": 0, "origins": set(), "licences": set()})
        entry["files"] += 1
        entry["origins"].add(item.origin)
        entry["licences"].add(item.row.licence or "unknown")
    return {
        name: {key: sorted(v) if isinstance(v, set) else v for key, v in found[name].items()}
        for name in sorted(found)
    }


def reference_file(windows: NDArray[Any], logits: NDArray[np.float32]) -> bytes:
    """reference.npz: windows made by code and the logits that the model gives for them."""
    file = io.BytesIO()
    np.savez_compressed(file, windows=windows, logits=logits)
    return file.getvalue()


def sha256(data: bytes) -> str:
    """Hex."""
    return hashlib.sha256(data).hexdigest()
