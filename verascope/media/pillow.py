"""Pillow as a decoder: one format's plugin at a time, its noise kept in, its errors named."""

import importlib
import logging
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
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
    "image/jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "image/png": ("PIL.PngImagePlugin", "PngImageFile"),
    "image/webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "image/avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "image/gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "image/tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "image/bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "image/heic": ("pillow_heif.as_plugin", "HeifImageFile"),
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
OUT_OF_MEMORY = "out of memory"
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
    _set_one_thread(name)
    with BufferFile(data) as file, open_file(file) as image:
        check_size(image.width, image.height, limits)
        yield image


@contextmanager
def lenient() -> Iterator[None]:
    """Let Pillow return what it decoded before an error: a module's flag is its only switch."""
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Libtiff writes complaints straight to file descriptor 2; no interface turns that off."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def to_rgb(image: "ImageFile") -> Pixels:
    """Load and convert to uint8 [h, w, 3] RGB as stored (not turned), transparency on white.

    Converted in strips, so that the copy in between stays small.
    """
    with _silent_stderr() if image.format == "TIFF" else nullcontext():
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
    if OUT_OF_MEMORY in text.lower():
        return InputTrouble(Reason.MEMORY_LIMIT, text)
    cut = not complete or any(words in text.lower() for words in CUT_OFF)
    return InputTrouble(Reason.TRUNCATED if cut else Reason.CORRUPT, text)


def _set_one_thread(name: str) -> None:
    """One worker, one core: threads cost address space, and other workers want the other cores."""
    if name == "image/avif":
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    elif name == "image/heic":
        from pillow_heif import options

        options.DECODE_THREADS = 1


def _quiet_logger() -> None:
    """Pillow logs warnings; without a handler Python would print them."""
    logger = logging.getLogger("PIL")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
