"""A frozen encoder: a folder with its graph, what the graph is, and a stored reference.

Encoders are too large for the package. `verascope models install` builds them once into the user's
cache; a detector's head names the one build that it was fitted on, by hash, and refuses any other.
"""

import io
import os
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.detect.model_folder import checked
from verascope.detect.session import load
from verascope.errors import ModelError, UsageError

GRAPH = "encoder.onnx"
INT8, FP32 = "int8", "fp32"  # builds
DESCRIPTION = "encoder.json"
REFERENCE = "reference.npz"  # pixels or samples, and the taps that they must give
HOME = "VERASCOPE_MODELS"  # environment variable: where installed models lie


class Described(Struct, frozen=True, kw_only=True):
    """What encoder.json holds of every encoder.

    Attributes:
        name: such as clip-vit-b16.
        build: how its weights are kept, such as int8 or fp32.
        sha256: of encoder.onnx.
        taps: the name of each vector that it gives of a picture or a clip.
        source, source_sha256: what it was built from.
        licence: of the weights.
        reference_sha256: of reference.npz: an input, and the taps that an exact build gives.
        least_cosine: of each tap to its reference; below it, the machine computes wrongly.
    """

    name: str
    build: str
    sha256: str
    taps: tuple[str, ...]
    source: str
    source_sha256: str
    licence: str
    reference_sha256: str
    least_cosine: float


class EncoderDescription(Described, frozen=True, kw_only=True):
    """What encoder.json holds of an encoder of pictures.

    Attributes:
        side: of its input in pixels; the graph takes uint8 [n, side, side, 3], RGB.
        mean, std: of the normalisation inside the graph, of values 0 to 1.
        width: of each vector.
    """

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    width: int


class Marks(Struct):
    """The fields by which encoders of pictures, of sound and of text are told apart."""

    side: int | None = None
    rate: int | None = None
    tokenizer_sha256: str | None = None

    @property
    def kind(self) -> str:
        """What the encoder looks at, in a word."""
        if self.tokenizer_sha256:
            return "text"
        return "sound" if self.rate else "pictures"


D = TypeVar("D", bound=Described)
S = TypeVar("S", bound=Struct)


class Frozen(Generic[D]):
    """An encoder on disk. Nothing is read before it is asked for; usable from several threads.

    Args:
        folder: that holds it.
        providers: of onnxruntime, the wanted one first.
        threads: of one run.
        batch: those of several threads are merged, up to so many, by the build of floats alone.
    """

    schema: type[D]
    kind: str
    several: bool = True  # whether what several threads give fits into one batch

    def __init__(
        self,
        folder: Path,
        *,
        providers: tuple[str, ...] = ("CPUExecutionProvider",),
        threads: int = 1,
        batch: int = 1,
    ) -> None:
        self.folder = folder
        self._providers = providers
        self._threads = threads
        self._batch = batch

    @cached_property
    def description(self) -> D:
        """encoder.json, typed.

        Raises:
            ModelError: it is missing or does not fit the schema.
            UsageError: it is an encoder of another kind.
        """
        kind = kind_of(self.folder)
        if kind != self.kind:
            raise UsageError(f"{self.folder} is an encoder of {kind}, not of {self.kind}")
        return _decoded(self.folder, self.schema)

    def load(self) -> None:
        """Load the graph now rather than at the first input.

        Raises:
            ModelError: it is missing or is not the file that encoder.json names.
        """
        _ = self._session

    def check(self) -> float:
        """The least cosine of a tap to its reference, over the stored inputs.

        Raises:
            ModelError: it is too small: this machine computes the build wrongly, and every score
                on it would be wrong.
        """
        described = self.description
        data = checked(self.folder / REFERENCE, described.reference_sha256)
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            least = self._nearness(stored)
        if not least >= described.least_cosine:  # so that not a number is caught too
            raise ModelError(
                f"{self.folder}: taps differ from the stored ones (cosine {least:.3f}, expected "
                f"{described.least_cosine:g} or more): this machine computes the "
                f"{described.build} build wrongly. Install another build"
            )
        return least

    def _nearness(self, stored: Mapping[str, NDArray[Any]]) -> float:
        """The least cosine of a tap to its reference."""
        raise NotImplementedError

    @cached_property
    def _session(self) -> Any:
        graph = checked(self.folder / GRAPH, self.description.sha256)
        batch = self._batch if self.several and self.description.build == FP32 else 1
        return load(graph, self._providers, self._threads, batch)


class OneVector(Frozen[D]):
    """An encoder that makes one vector of an input: its taps' vectors, one after the other.

    Its description has `widths`, one for each tap.
    """

    several = False  # inputs differ in length
    given: str  # what the graph's input is called

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each tap's vector lies in what `vectors` gives."""
        told: Any = self.description
        ends = pairwise(accumulate(told.widths, initial=0))
        return {tap: slice(*each) for tap, each in zip(told.taps, ends, strict=True)}

    def _run(self, one: NDArray[Any]) -> NDArray[np.float32]:
        """The vector of one input, float32 [1, sum of widths]."""
        found = self._session.run(["vectors"], {self.given: one[None]})[0]
        return np.asarray(found, np.float32)


class Encoder(Frozen[EncoderDescription]):
    """An encoder of pictures.

    Results do not depend on what else is in a batch: pictures go through one at a time, because
    an int8 build takes one range of activations for all that it is given.
    """

    schema = EncoderDescription
    kind = "pictures"

    def taps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vectors of each picture: uint8 [n, side, side, 3] → float32 [n, taps, width]."""
        return np.concatenate([self._run("taps", one) for one in pixels])

    def patches(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vectors of each picture's patches: float32 [n, rows × columns, width]."""
        return np.concatenate([self._run("patches", one) for one in pixels])

    def _nearness(self, stored: Mapping[str, NDArray[Any]]) -> float:
        found = self.taps(stored["pixels"])[:, stored["rows"]]
        return least_cosine(found, stored["taps"].astype(np.float32))

    def _run(self, output: str, one: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = self._session.run([output], {"pixels": one[None]})[0]
        return np.asarray(found, np.float32)


def kind_of(folder: Path) -> str:
    """What an installed encoder looks at: `pictures`, `sound` or `text`.

    Raises:
        ModelError: its description is missing or unreadable.
    """
    return _decoded(folder, Marks).kind


def least_cosine(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The smallest cosine between vectors along the last axis."""
    length = np.linalg.norm(found, axis=-1) * np.linalg.norm(wanted, axis=-1)
    return float(((found * wanted).sum(-1) / length).min())


def installed(name: str, build: str, home: Path | None = None) -> Path:
    """The folder of an installed encoder, whether it is there or not.

    Args:
        name: of the encoder.
        build: which of its builds.
        home: where models lie; None is $VERASCOPE_MODELS, else `verascope/models` in the user's
            cache.
    """
    if home is None:
        home = Path(os.environ[HOME]) if HOME in os.environ else cache_folder() / "models"
    return home / f"{name}-{build}"


def open_installed(name: str, build: str) -> Encoder:
    """An installed encoder of pictures, by name; its graph is not loaded yet.

    Raises:
        UsageError: no such build of it is installed, or it is one of sound.
    """
    encoder = Encoder(there(name, build))
    _ = encoder.description
    return encoder


def there(name: str, build: str) -> Path:
    """The folder of an encoder that is installed.

    Raises:
        UsageError: it is not.
    """
    folder = installed(name, build)
    if not (folder / DESCRIPTION).is_file():
        raise UsageError(
            f"the encoder {name} (build {build}) is not installed; `verascope models list` shows "
            "what is, and `verascope models install` installs one"
        )
    return folder


def cache_folder() -> Path:
    """`verascope` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "verascope"


def _decoded(folder: Path, schema: type[S]) -> S:
    file = folder / DESCRIPTION
    try:
        return msgspec.json.decode(file.read_bytes(), type=schema)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"{file}: {error}; install the encoder again") from error
