"""Fingerprints by modality: a few bytes that a medium keeps when it is resized or compressed again.

One line in KINDS and one function add a modality; the registry stores and finds whatever has
32 bytes. Fingerprints are taken in the worker, from the decoded medium.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from verascope.result import Modality

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 256


class Kind(Struct, frozen=True):
    """A method of taking fingerprints, and when two of them count as alike.

    Attributes:
        name: stored beside every fingerprint; other kinds are never compared.
        function: `package.module:name`, imported when it is needed.
        max_distance: bits, of 256, that may differ between a medium and its copy.
        min_quality: below it (of 100) there is too little structure for the bits to mean much.
    """

    name: str
    function: str
    max_distance: int
    min_quality: int


class Fingerprint(Struct, frozen=True):
    """A medium's fingerprint: as it is first, then as it would be if turned or mirrored.

    `positions` says in words how the medium is turned for each of `hashes` (32 bytes).
    """

    kind: str
    hashes: tuple[bytes, ...]
    positions: tuple[str, ...]
    quality: int


KINDS: dict[Modality, Kind] = {
    # Meta's own thresholds for PDQ.
    Modality.IMAGE: Kind("pdq", "verascope.provenance.fingerprint:of_picture", 31, 50),
}
BY_NAME = {kind.name: kind for kind in KINDS.values()}


def fingerprint(medium: "NDArray[Any]", modality: Modality) -> Fingerprint:
    """The fingerprint of a decoded medium.

    Args:
        medium: as the modality's function takes it (pictures: uint8 [h, w, 3], RGB, upright).
        modality: one of KINDS.
    """
    module, _, name = KINDS[modality].function.partition(":")
    function: Callable[[NDArray[Any]], Fingerprint] = getattr(import_module(module), name)
    return function(medium)


def of_picture(pixels: "NDArray[Any]") -> Fingerprint:
    """A picture's, by PDQ: survives re-encoding and resizing; crops over 2 % it does not."""
    from verascope.provenance.pdq import TURNS, pdq

    found = pdq(pixels)
    return Fingerprint("pdq", found.hashes, tuple(TURNS), found.quality)


def usable(found: Fingerprint | None) -> bool:
    """Whether there is a fingerprint with enough structure to register or look up."""
    return found is not None and found.quality >= BY_NAME[found.kind].min_quality
