"""Inside the worker of republishing: an upload to what a platform shows, and to its history.

Nothing here signs, and no key comes here: the parent gets new pixels as JPEG, what verifying said,
and the upload as an ingredient in the library's own form. The parent never opens the upload.
"""

import hashlib
import io
import mmap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.source import open_regular
from verascope.media.types import judgeable
from verascope.media.wire import Array
from verascope.provenance.examine import hold_limits, pack
from verascope.provenance.verify import verify
from verascope.result import Modality, Outcome, Provenance, Reason
from verascope.settings import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

    from verascope.media.buffer import Buffer
    from verascope.media.picture import Pixels

FUNCTION = "verascope.provenance.upload:read"
MAX_PROFILE_BYTES = 4 << 20
# The file's own name stays out: it is the uploader's, and may name people.
TITLE = "the upload"


class Recipe(Struct, frozen=True, kw_only=True):
    """How a platform stores pictures: the longer side at most, in pixels, and JPEG's quality."""

    long_side: int = 1080
    quality: int = 75


class UploadRequest(Struct, frozen=True, kw_only=True):
    """One upload; its path is in the file system's bytes."""

    path: bytes
    trust: tuple[str, ...]
    limits: Limits
    recipe: Recipe


class Upload(Struct, frozen=True, kw_only=True):
    """What became of an upload: the picture to publish, or the reason why there is none."""

    provenance: Provenance | None = None
    picture: bytes = b""
    ingredient: bytes = b""
    resized: bool = False
    sha256: str | None = None
    reason: Reason | None = None
    detail: str | None = None


def read(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """Read one upload; one message, an Upload."""
    ask = msgspec.msgpack.decode(request, type=UploadRequest)
    try:
        upload = _read(ask)
    except InputTrouble as trouble:
        upload = Upload(reason=trouble.reason, detail=trouble.detail)
    yield msgspec.msgpack.encode(upload), ()


def _read(ask: UploadRequest) -> Upload:
    from verascope.media.image import decode, read_header

    with (
        open_regular(ask.path, True, ask.limits) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        media_type, _ = judgeable(data, "", frozenset({Modality.IMAGE}))
        header = read_header(data, media_type, ask.limits)
        shown = decode(data, media_type, header, ask.limits)
        if shown.truncated:
            raise InputTrouble(Reason.TRUNCATED, "a broken picture is not published")
        provenance = verify(file, media_type.name, ask.trust)
        if provenance.outcome is not Outcome.NONE:
            hold_limits(file, media_type.name)
        return Upload(
            provenance=provenance,
            picture=transcode(
                shown.pixels, ask.recipe, _profile(data, media_type.name, ask.limits)
            ),
            ingredient=pack(file, media_type.name, ask.trust, TITLE),
            resized=max(shown.pixels.shape[:2]) > ask.recipe.long_side,
            sha256=hashlib.sha256(data).hexdigest(),
        )


def transcode(pixels: "Pixels", recipe: Recipe, profile: bytes = b"") -> bytes:
    """Upright pixels as a platform shows them: smaller, JPEG 4:2:0, sRGB, no metadata of any kind.

    Args:
        pixels: uint8 [h, w, 3], RGB.
        recipe: size and quality.
        profile: the ICC profile of the colours, if they are not sRGB; applied, not passed on.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    if max(image.size) > recipe.long_side:
        image.thumbnail((recipe.long_side, recipe.long_side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    shown = _as_srgb(image, profile) if profile else image
    shown.save(out, "JPEG", quality=recipe.quality, subsampling="4:2:0", optimize=True)
    return out.getvalue()


def _profile(data: "Buffer", media_type: str, limits: Limits) -> bytes:
    """The colour profile in a picture; empty if there is none that can be read."""
    from verascope.media.pillow import PLUGINS, opened, untrusted

    if media_type not in PLUGINS:
        return b""
    try:
        with untrusted(), opened(data, media_type, limits) as image:
            profile = image.info.get("icc_profile")
    except InputTrouble:
        return b""
    return profile if isinstance(profile, bytes) and len(profile) <= MAX_PROFILE_BYTES else b""


def _as_srgb(image: "Image", profile: bytes) -> "Image":
    """The colours that the profile means, in sRGB; as they are where it is of no use."""
    from PIL import ImageCms

    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if meant.profile.xcolor_space.strip() != "RGB":
            return image
        turned = ImageCms.profileToProfile(image, meant, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return turned or image
