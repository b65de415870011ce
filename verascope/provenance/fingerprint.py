"""Fingerprints by modality: a few bytes that a medium keeps when it is resized or compressed again.

One line in KINDS, a function and an index add a modality. Fingerprints are taken in the worker,
from the decoded medium.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from verascope.result import Modality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from verascope.provenance.hamming import Near

BITS = 256


class Kind(Struct, frozen=True, kw_only=True):
    """A method of taking fingerprints, and when two of them count as alike.

    Attributes:
        name: stored beside every fingerprint; other kinds are never compared.
        function: `package.module:name`, imported when it is needed.
        index: `package.module:Class`, of what finds those alike among many.
        sizes: in bytes, that a stored one can have.
        max_distance: bits, of 256, that may differ between a medium and its copy.
        min_quality: below it (of 100) there is too little structure for the bits to mean much.
    """

    name: str
    function: str
    index: str
    sizes: range
    max_distance: int
    min_quality: int


class Fingerprint(Struct, frozen=True):
    """A medium's fingerprint: as it is first, then as it would be if turned or mirrored.

    `positions` says in words how the medium is turned for each of `hashes`. Where none could be
    taken, `missing` says what is not installed.
    """

    kind: str
    hashes: tuple[bytes, ...]
    positions: tuple[str, ...]
    quality: int
    missing: str | None = None


class Index(Protocol):
    """Finds fingerprints of one kind among many."""

    def near(self, wanted: bytes, distance: int) -> "list[Near]":
        """All at most so many bits of 256 away, the nearest first."""


KINDS: dict[Modality, Kind] = {
    # Meta's own thresholds for PDQ.
    Modality.IMAGE: Kind(
        name="pdq",
        function="verascope.provenance.fingerprint:of_picture",
        index="verascope.provenance.hamming:of_blobs",
        sizes=range(32, 33),
        max_distance=31,
        min_quality=50,
    ),
    # benchmarks/audio_fingerprints.py: far from what copies and from what strangers reach.
    Modality.AUDIO: Kind(
        name="chromaprint",
        function="verascope.provenance.fingerprint:of_sound",
        index="verascope.provenance.sequences:Sequences",
        sizes=range(64, 400_001, 4),
        max_distance=38,
        min_quality=50,
    ),
}
BY_NAME = {kind.name: kind for kind in KINDS.values()}


def fingerprint(medium: "NDArray[Any]", modality: Modality) -> Fingerprint:
    """The fingerprint of a decoded medium.

    Args:
        medium: as the modality's function takes it (pictures: uint8 [h, w, 3], RGB, upright;
            sound: int16 [n], mono, 16 kHz).
        modality: one of KINDS.
    """
    function: Callable[[NDArray[Any]], Fingerprint] = _named(KINDS[modality].function)
    return function(medium)


def index(kind: str, blobs: Sequence[bytes]) -> Index:
    """What finds those alike among stored fingerprints of a kind, each of one of its sizes."""
    made: Index = _named(BY_NAME[kind].index)(blobs)
    return made


def of_picture(pixels: "NDArray[Any]") -> Fingerprint:
    """A picture's, by PDQ: survives re-encoding and resizing; crops over 2 % it does not."""
    from verascope.provenance.pdq import TURNS, pdq

    found = pdq(pixels)
    return Fingerprint("pdq", found.hashes, tuple(TURNS), found.quality)


def of_sound(samples: "NDArray[Any]") -> Fingerprint:
    """A sound's, by Chromaprint: survives codecs, levels, noise and cuts; other speeds it does not.

    Its quality is the share of words that differ from the one before: none in silence or a tone.
    """
    from verascope.provenance.chromaprint import ChromaprintError, words
    from verascope.provenance.sequences import LEAST_WORDS

    try:
        found = words(samples)
    except ChromaprintError as error:
        return Fingerprint("chromaprint", (), (), 0, str(error))
    if len(found) < LEAST_WORDS:
        return Fingerprint("chromaprint", (), (), 0)
    quality = round(100 * float((found[1:] != found[:-1]).mean()))
    return Fingerprint("chromaprint", (found.astype("<u4").tobytes(),), ("as it is",), quality)


def usable(found: Fingerprint | None) -> bool:
    """Whether there is a fingerprint with enough structure to register or look up."""
    return found is not None and found.quality >= BY_NAME[found.kind].min_quality


def _named(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
