"""Image files: size and warnings before any decode, then the pixels that a viewer shows.

Both functions take the whole input in memory and raise nothing but InputTrouble. The decoders
are simplejpeg for JPEG and Pillow's plugins, imported when their format comes.
"""

import importlib
from typing import Any

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.header import Header
from verascope.media.picture import Picture
from verascope.media.types import DECODED, MediaType
from verascope.result import Reason
from verascope.settings import Limits

__all__ = ["Header", "Picture", "decode", "read_header"]

# Formats whose structure is walked before their decoder sees them; the others open lazily.
WALKED = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/tiff": "tiff",
}


def read_header(data: Buffer, media_type: MediaType, limits: Limits) -> Header:
    """What the file says of itself; decodes nothing, and keeps no metadata but the orientation.

    Args:
        data: the whole input.
        media_type: as `judgeable` returned it.
        limits: pixels and metadata bytes are held here.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT, TRUNCATED or UNSUPPORTED_TYPE.
    """
    name = media_type.name
    if name not in DECODED:
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"{name} is not read")
    header: Header
    if name in WALKED:
        header = _module(WALKED[name]).read_header(data, limits)
    else:
        header = _module("plain").read_header(data, name, limits)
    return header


def decode(data: Buffer, media_type: MediaType, header: Header, limits: Limits) -> Picture:
    """The upright pixels of the first frame, transparency on white.

    White, because platforms that turn uploads into JPEG take it, and so did the training data.
    A file that breaks off gives its decoded rows with `truncated` set.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED (under 64 pixels could be decoded), TOO_LARGE or
            MEMORY_LIMIT.
    """
    name = media_type.name
    if name in ("image/jpeg", "image/png"):
        picture: Picture = _module(WALKED[name]).decode(data, header, limits)
    else:
        picture = _module("plain").decode(data, name, header, limits)
    return picture


def _module(name: str) -> Any:
    return importlib.import_module(f"verascope.media.{name}")
