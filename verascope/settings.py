"""What a caller may set: the limits for hostile input, trust lists, how models run."""

from enum import StrEnum

from msgspec import Struct


class Quality(StrEnum):
    """Which detector of a modality runs: the fast one, the accurate one, or the best there is.

    The accurate one needs encoders that `verascope models install` puts into the user's cache;
    `auto` takes it where they are there.
    """

    FAST = "fast"
    ACCURATE = "accurate"
    AUTO = "auto"


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on one input. All hold in the worker process, most before anything is decoded."""

    max_bytes: int = 2_000_000_000
    max_pixels: int = 100_000_000
    max_metadata_bytes: int = 16_000_000
    max_duration_s: float = 10_800.0
    # Of a longer recording, evenly spaced excerpts that come to this much are judged.
    max_judged_s: float = 600.0
    # Wall clock for each stage of reading (open and header, decode and windows, provenance).
    stage_timeout_s: float = 10.0
    # Address space of the worker; DESIGN asks for at least 1.5 GB.
    worker_memory_bytes: int = 2_500_000_000


class TextInput(Struct, frozen=True, kw_only=True):
    """How bytes become text, where they and the name do not tell.

    Attributes:
        type: `plain`, `html` or `markdown`, whatever the name says; only of bytes that are text.
        encoding: as Python names it; None: UTF-8, or what a byte order mark says.
    """

    type: str | None = None
    encoding: str | None = None


class Online(Struct, frozen=True, kw_only=True):
    """How far `verify` may go to fetch a credential that a file only points to.

    Attributes:
        hosts: the only hosts that may be asked; all public ones if empty.
        max_bytes: the largest answer.
        timeout_s: wall clock for everything, redirects included.
        private: addresses that may be asked although they are not public, such as an archive's own.
    """

    hosts: tuple[str, ...] = ()
    max_bytes: int = 8_000_000
    timeout_s: float = 10.0
    private: tuple[str, ...] = ()


class Settings(Struct, frozen=True, kw_only=True):
    """How a Scanner works. Defaults are those of the command line."""

    limits: Limits = Limits()
    text: TextInput = TextInput()
    # Trust lists by name ("official", "none") or path of a PEM file.
    trust: tuple[str, ...] = ("official",)
    # Detectors to run, by name; None runs every registered one of the input's modality, and of
    # the two for pictures the one that `quality` names.
    detectors: tuple[str, ...] | None = None
    quality: Quality = Quality.AUTO
    # Calibrations on the user's own real files, by name, at most one a detector: their thresholds
    # take the place of the model's.
    calibrations: tuple[str, ...] = ()
    # Folder for heat maps, where the detector can make them: takes as long again as the score.
    heatmaps: str | None = None
    provenance: bool = True
    # Look for the invisible watermark of image generators (20 to 40 ms a megapixel), and in sound
    # for those whose detectors are installed. All are weak.
    watermarks: bool = False
    # Key file of a watermark of text; what it shows in each text is told.
    watermark_key: str | None = None
    # Registry of fingerprints to ask for inputs without an intact credential; None asks none.
    registry: str | None = None
    # Let `verify` fetch a credential that is elsewhere; None uses no network at all.
    online: Online | None = None
    # onnxruntime execution providers, in order of preference.
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    model_threads: int = 1
    # Windows of several inputs that are scored together, where their scores do not depend on it.
    batch: int = 1
