"""How one modality is read in the worker; `reading` does what is alike for all."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, BinaryIO, NamedTuple, Protocol

from verascope.detect.contract import Detector, Windows
from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.types import MediaType
from verascope.provenance.fingerprint import Fingerprint
from verascope.provenance.mark import Mark
from verascope.provenance.watermark_key import WatermarkKey
from verascope.result import Modality, Warn
from verascope.settings import Limits, TextInput

# Imported when an input of theirs comes. What media/ can decode.
METHODS = {
    Modality.IMAGE: "verascope.modality.picture:Picture",
    Modality.AUDIO: "verascope.modality.sound:Sound",
    Modality.TEXT: "verascope.modality.text:Text",
}
DECODED = frozenset(METHODS)


class Source(NamedTuple):
    """An input: its file, the same in memory, its type, the limits on it, how it becomes text."""

    file: BinaryIO
    data: Buffer
    media_type: MediaType
    limits: Limits
    text: TextInput = TextInput()
    key: WatermarkKey | None = None


class Look(NamedTuple):
    """What the header says.

    Attributes:
        facts: fields of the Reading.
        warnings: what was odd.
        size: what detectors' `min_side` is compared with; None where nobody knows yet.
        header: for `decode`.
        trouble: why it need not be decoded.
    """

    facts: Mapping[str, Any]
    warnings: Sequence[Warn]
    size: int | None
    header: Any
    trouble: InputTrouble | None = None


class Decoded(NamedTuple):
    """The medium, and what decoding found out.

    Attributes:
        medium: as `cut`, `fingerprint` and `watermarks` of the same modality take it.
        facts: fields of the Reading.
        warnings: what was odd.
        broken_off: what could be decoded, in words, if the file breaks off.
    """

    medium: Any
    facts: Mapping[str, Any]
    warnings: Sequence[Warn]
    broken_off: str | None = None


class Method(Protocol):
    """The steps of reading that differ. Each raises InputTrouble where it cannot go on."""

    def look(self, source: Source) -> Look:
        """Read the header; decodes nothing."""

    def too_small(self, size: int, least: int) -> InputTrouble:
        """Why a medium of this size is not judged by detectors that need at least so much."""

    def decode(self, source: Source, header: Any) -> Decoded:
        """Decode what is to be judged."""

    def check(self, medium: Any) -> None:
        """Raise why the decoded medium must not be scored, if there is a reason."""

    def cut(self, detector: Detector, medium: Any) -> Windows:
        """The detector's windows, their places as those of the whole input."""

    def remarks(self, windows: Sequence[Windows]) -> tuple[Warn, ...]:
        """What is odd about the windows of all detectors."""

    def fingerprint(self, medium: Any) -> Fingerprint | None:
        """For the registry; None where this modality has none."""

    def watermarks(self, medium: Any) -> tuple[Mark, ...]:
        """The invisible watermarks whose words are known."""


def method(modality: Modality) -> Method:
    """How inputs of one of DECODED are read."""
    module, _, name = METHODS[modality].partition(":")
    made: Method = getattr(import_module(module), name)()
    return made
