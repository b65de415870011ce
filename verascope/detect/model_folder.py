"""A model folder: model.onnx or model.npz, model.json, CARD.md; checked against its hashes."""

import hashlib
import io
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.detect.calibration import Calibration
from verascope.errors import ModelError
from verascope.result import Modality, OperatingPoint

GRAPH = "model.onnx"
TABLES = "model.npz"  # instead of a graph, of a detector that runs in numpy
DESCRIPTION = "model.json"
CARD = "CARD.md"
REFERENCE = "reference.npz"  # stored windows and their logits, to catch a wrong kernel or a swap
PATCHES = "patches.onnx"  # of a head on an encoder, where it can also judge patches


class EncoderUse(Struct, frozen=True, kw_only=True):
    """The frozen encoder that a head stands on: model.onnx then takes the encoder's vectors.

    Attributes:
        name: of the encoder, as in `verascope models install NAME`.
        builds: build to the sha256 of its graph; the head accepts these only, the first one
            rather than the others.
        taps: the encoder's vectors that the head takes, by name, in the head's order.
        side: of the picture that the encoder takes, in pixels.
    """

    name: str
    builds: dict[str, str]
    taps: tuple[str, ...]
    side: int = 224


class TapsUse(Struct, frozen=True, kw_only=True):
    """A frozen encoder of sound or of text that a head stands on; it takes the vectors of all.

    Attributes:
        name: of the encoder, as in `verascope models install NAME`, or the package's own.
        builds: build to the sha256 of its graph; the head accepts these only, the first one
            rather than the others.
        taps: the encoder's vectors that the head takes, by name, in the head's order.
    """

    name: str
    builds: dict[str, str]
    taps: tuple[str, ...]


class HintBand(Struct, frozen=True, kw_only=True):
    """Hints whose first family leads the second by so much, where the source was left out.

    Attributes:
        least_lead: from which lead on; the next band's is the end.
        right: share of them that named the family, with its 95 % interval over sources.
        pictures: how many that was measured on.
    """

    least_lead: float
    right: float
    interval: tuple[float, float]
    pictures: int


class Families(Struct, frozen=True, kw_only=True):
    """The families that the graph's second output scores, and what naming the first is worth.

    Attributes:
        names: in the output's order.
        bands: by the lead of the first, from 0 on.
        right: share of synthetic pictures whose family was named, their source left out.
        commonest: the same share if the commonest family were always named: the null.
        balanced: the mean over families of the share that was named.
    """

    names: tuple[str, ...]
    bands: tuple[HintBand, ...]
    right: float
    commonest: float
    balanced: float


class Posts(Struct, frozen=True, kw_only=True):
    """How logits of people's texts lie, for putting several of one author together.

    Attributes:
        mean: of texts of people, each scored without its source.
        correlation: the share of their spread that lies between sources, 0 to 1.
    """

    mean: float
    correlation: float


class ModelDescription(Struct, frozen=True, kw_only=True):
    """What model.json holds; CARD.md is generated from it.

    `preprocessing`, `training` and `metrics` are free-form records for people and for the card;
    what the program acts on is typed. `sha256` is that of model.onnx or model.npz;
    `reference_sha256` that of reference.npz, null in folders that were written before it was
    recorded. With `encoder`, model.onnx is a head: float32 [n, taps, width] → logits float32 [n];
    `patches_sha256` is then that of patches.onnx, float32 [n, patches, width] → logits float32
    [n, patches], null where the head cannot judge patches. With `encoders`, it takes what they say
    of a window, one after the other: float32 [n, width] → logits float32 [n]. With `families`,
    model.onnx has a second output: float32 [n, families]. `beside` names shipped models that have
    a part in its logits, with the sha256 that they must have. With `posts`, texts of one author
    can be put together.
    """

    name: str
    version: str
    modality: Modality
    sha256: str
    parameters: int
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    preprocessing: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]
    limits: tuple[str, ...]
    reference_sha256: str | None = None
    encoder: EncoderUse | None = None
    encoders: tuple[TapsUse, ...] = ()
    patches_sha256: str | None = None
    families: Families | None = None
    beside: dict[str, str] = {}
    posts: Posts | None = None


class ModelFolder:
    """A model on disk. Nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def description(self) -> ModelDescription:
        """model.json, typed.

        Raises:
            ModelError: it is missing or does not fit the schema.
        """
        file = self.path / DESCRIPTION
        try:
            return msgspec.json.decode(file.read_bytes(), type=ModelDescription)
        except (OSError, msgspec.DecodeError) as error:
            raise ModelError(f"{file}: {error}; install or train the model again") from error

    def graph(self) -> bytes:
        """model.onnx, after its hash was checked.

        Raises:
            ModelError: it is missing or is not the file that model.json names.
        """
        return checked(self.path / GRAPH, self.description.sha256)

    def tables(self) -> bytes:
        """model.npz, after its hash was checked.

        Raises:
            ModelError: it is missing or is not the file that model.json names.
        """
        return checked(self.path / TABLES, self.description.sha256)

    def patches(self) -> bytes | None:
        """patches.onnx, after its hash was checked; None where the model has none.

        Raises:
            ModelError: it is missing or is not the file that model.json names.
        """
        if self.description.patches_sha256 is None:
            return None
        return checked(self.path / PATCHES, self.description.patches_sha256)

    def reference(self) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Stored windows (uint8 or int16 [n, ...]) and the logits that they must give, float32 [n].

        Raises:
            ModelError: the file is missing or is not the one that model.json names.
        """
        data = checked(self.path / REFERENCE, self.description.reference_sha256)
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return stored["windows"], stored["logits"]


def checked(file: Path, sha256: str | None) -> bytes:
    """A file's bytes, held to its hash if one was recorded.

    Raises:
        ModelError: it is missing or is not the file that was recorded.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}; install the model again") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{file} is not the file that its description names by its sha256")
    return data
