"""Pillow as a decoder: one format's plugin at a time, its noise kept in, its errors named."""

import importlib
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer, BufferFile
from verascope.media.header import check_size
from verascope.media.picture import Pixels
from verascope.media.samples import to_8_bit
from verascope.result import Reason
from verascope.settings import Limits

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# The plugin class is called itself: Image.open would import five plugins and guess among them.
PLUGINS = {
    "image/png": ("PIL.PngImagePlugin", "PngImageFile"),
    "image/webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "image/avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "image/gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "image/tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "image/bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "image/heic": ("pillow_heif", "HeifImageFile"),
}
# What Pillow's plugins raise on bad files (its documentation names OSError and SyntaxError; the
# others come from arithmetic and look-ups on values that the file chose).
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    NotImplementedError,
)
CUT_OFF = ("truncated", "not enough data", "unexpected end", "buffer is not large enough")
STRIP_PIXELS = 4_000_000
WHITE = (255, 255, 255, 255)


@contextmanager
def untrusted(complete: bool = True) -> Iterator[None]:
    """Whatever a decoder does to the file's data inside becomes InputTrouble; nothing is printed.

    Args:
        complete: the file's structure reaches its end; if not, an error means TRUNCATED.
    """
    _quiet_logger()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except MemoryError:
            raise InputTrouble(Reason.MEMORY_LIMIT, "decoding ran out of memory") from None
        except DECODER_ERRORS as error:
            raise _trouble(error, complete) from error


@contextmanager
def opened(data: Buffer | memoryview, name: str, limits: Limits) -> Iterator["ImageFile"]:
    """The file opened by its type's plugin, size checked, nothing decoded. Use in untrusted()."""
    module, plugin = PLUGINS[name]
    open_file = getattr(importlib.import_module(module), plugin)
    with BufferFile(data) as file, open_file(file) as image:
        check_size(image.width, image.height, limits)
        yield image


def to_rgb(image: "ImageFile") -> Pixels:
    """Load and convert to uint8 [h, w, 3] RGB as stored (not turned), transparency on white.

    Converted in strips, so that the copy in between stays small.
    """
    image.load()
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    shown = to_8_bit(image)
    step = max(1, STRIP_PIXELS // width)
    for top in range(0, height, step):
        strip = shown.crop((0, top, width, min(height, top + step)))
        pixels[top : top + step] = np.asarray(_on_white(strip))
    return pixels


def _on_white(strip: "Image") -> "Image":
    from PIL.Image import alpha_composite, new

    if not strip.has_transparency_data:
        return strip.convert("RGB")
    layer = strip.convert("RGBA")
    return alpha_composite(new("RGBA", layer.size, WHITE), layer).convert("RGB")


def _trouble(error: Exception, complete: bool) -> InputTrouble:
    text = f"{error}"[:200] or type(error).__name__
    cut = not complete or any(words in text.lower() for words in CUT_OFF)
    return InputTrouble(Reason.TRUNCATED if cut else Reason.CORRUPT, text)


def _quiet_logger() -> None:
    """Pillow logs warnings; without a handler Python would print them."""
    logger = logging.getLogger("PIL")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
