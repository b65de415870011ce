"""What a detector is: the protocol that built-in and third-party detectors fulfil."""

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.result import Modality, Nearest, OperatingPoint, Segment

if TYPE_CHECKING:
    from verascope.detect.heat import Heat

Array: TypeAlias = NDArray[Any]


class Windows(Struct, frozen=True, eq=False):
    """What a detector looks at, cut from one medium in the worker process.

    Attributes:
        values: uint8 or int16 [n, ...]; raw samples, normalisation lives in the model's graph.
        places: int32 [n, 4], (x, y, width, height) in pixels for pictures; float64 [n, 2],
            (start, end) for sound, video and text.
    """

    values: Array
    places: Array


class Estimate(Struct, frozen=True):
    """A calibrated score: probability 0 to 1 with its 95 % interval, at the given prior."""

    score: float
    interval: tuple[float, float]


@runtime_checkable
class Detector(Protocol):
    """One method of telling synthetic media from real. Stateless after loading.

    `windows` runs in the isolated worker and must import no inference library; everything else
    runs in the parent, which never sees the file. Construction does no I/O.
    """

    modality: Modality
    max_batch: int  # 1 where a score would depend on what else is in the batch
    window_shape: tuple[int, ...]  # of one window's values; others are refused
    min_side: int  # shorter side (pixels) or length (samples, characters) below which it abstains

    @property
    def name(self) -> str:
        """What it is called in Results."""

    @property
    def version(self) -> str:
        """The model's version, as in its card."""

    @property
    def sha256(self) -> str:
        """Hash of the model file, hex."""

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """High precision first, then high recall; thresholds on the calibrated score."""

    @property
    def prior(self) -> float:
        """The share of synthetic inputs that the calibrated score assumes, 0 to 1."""

    def load(self) -> None:
        """Load the model now rather than at the first score."""

    def windows(self, media: Array) -> Windows:
        """Cut the medium into windows; deterministic, bounded.

        Pictures are uint8 [h, w, 3], RGB; sound is int16 [n], mono, 16 kHz, and may have no window
        where it holds no speech.
        """

    def score(self, windows: Array) -> NDArray[np.float32]:
        """Windows' values (of one or of many inputs) to logits, float32 [n]."""

    def pool(self, logits: NDArray[np.float32]) -> float:
        """The logits of one input's windows to its logit."""

    def calibrate(self, logit: float) -> Estimate:
        """A pooled logit to the probability that the input is synthetic."""

    def segments(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[Segment, ...]:
        """Each window's place with its own score."""

    def examples(self) -> list[Array]:
        """A few media that the detector can judge; tests, demos and docs are made from them."""


@runtime_checkable
class Locates(Protocol):
    """A detector that can also tell where in its window the score comes from."""

    def heat(self, windows: Windows) -> "Heat | None":
        """A map over the window; None where this model cannot make one."""


@runtime_checkable
class GivesReasons(Protocol):
    """A detector that can also say in words what weighs most in its windows."""

    def reasons(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[str, ...]:
        """Asked where the score reaches an operating point."""


@runtime_checkable
class TellsFamily(Protocol):
    """A detector that can also name the family of generators whose traces are nearest."""

    def score_and_nearest(self, windows: Array) -> tuple[NDArray[np.float32], Nearest | None]:
        """As `score`, and the hint for these windows of one input; None where it has none."""
