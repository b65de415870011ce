"""What an image file says of itself before anything is decoded."""

from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.result import Reason, Warn
from verascope.settings import Limits

MIN_PART_SIDE = 64  # pixels; less of a broken picture is no picture (detectors abstain below it)


class Header(Struct, frozen=True):
    """The size and state of a picture, from its header and structure.

    Attributes:
        width, height: of the upright picture, in pixels.
        orientation: EXIF orientation, 1 to 8, that the stored pixels have.
        warnings: what was odd about the file around the pixels.
        complete: the file reaches the end that its structure claims.
        spans: (start, end) of the pieces of the file that decoding needs, where the format's
            reader looks at pieces.
    """

    width: int
    height: int
    orientation: int = 1
    warnings: tuple[Warn, ...] = ()
    complete: bool = True
    spans: tuple[tuple[int, int], ...] = ()


def header(
    stored: tuple[int, int],
    orientation: int,
    warnings: set[Warn],
    *,
    complete: bool = True,
    spans: tuple[tuple[int, int], ...] = (),
) -> Header:
    """A Header from the stored (width, height), turned where the orientation turns it."""
    width, height = stored if orientation < 5 else stored[::-1]
    return Header(width, height, orientation, tuple(sorted(warnings)), complete, spans)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse pictures without pixels and pictures with too many.

    Raises:
        InputTrouble: CORRUPT or TOO_LARGE.
    """
    if width < 1 or height < 1:
        raise InputTrouble(Reason.CORRUPT, f"the picture is {width} × {height} pixels")
    if width * height > limits.max_pixels:
        figure = f"{width} × {height} = {width * height / 1e6:,.1f} megapixels"
        raise InputTrouble(Reason.TOO_LARGE, f"{figure}, the limit is {limits.max_pixels / 1e6:g}")
