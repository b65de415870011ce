"""What an input is, by its bytes alone, and whether it can be judged at all."""

import importlib.util
import struct
from typing import NamedTuple

from verascope.errors import InputTrouble
from verascope.media.boxes import holds_only_sound
from verascope.media.buffer import Buffer
from verascope.media.id3 import end_of_tags
from verascope.media.sound_ogg import holds_video
from verascope.media.text import has_wide_bom, text_type
from verascope.result import Modality, Reason, Warn
from verascope.settings import TextInput

MIN_TOLD_BYTES = 4  # fewer are no other type than the name promises: they are none
UNKNOWN = "application/octet-stream"
# Image types that media/image.py decodes.
DECODED = frozenset(
    f"image/{name}" for name in ("jpeg", "png", "webp", "avif", "heic", "gif", "tiff", "bmp")
)
# Sound that media/sound.py decodes.
SOUNDS = frozenset(
    f"audio/{name}"
    for name in ("wav", "flac", "ogg", "mpeg", "aac", "mp4", "aiff", "basic", "x-caf")
)
PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (b"8BPS\0", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"PK\3\4", "application/zip"),
    (b"PK\5\6", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"fLaC", "audio/flac"),
    (b".snd", "audio/basic"),
    (b"caff\0\1", "audio/x-caf"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
RIFF_FORMS = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
BARE_BOXES = frozenset({b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot"})
BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
TEXT_NAMES = frozenset(
    {"application/json", "text/csv", "text/html", "text/markdown", "text/plain", "text/xml"}
)
# Text that media/read_text.py reads.
TEXTS = frozenset({"text/plain", "text/html", "text/markdown"})
EXTENSIONS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "image/jpeg"),
    **dict.fromkeys(("png", "apng"), "image/png"),
    **dict.fromkeys(("tif", "tiff"), "image/tiff"),
    **dict.fromkeys(("heic", "heif"), "image/heic"),
    **dict.fromkeys(("bmp", "dib"), "image/bmp"),
    **{name: f"image/{name}" for name in ("webp", "avif", "gif", "jxl", "jp2")},
    **dict.fromkeys(("mp4", "m4v"), "video/mp4"),
    **dict.fromkeys(("mov", "qt"), "video/quicktime"),
    **dict.fromkeys(("webm", "mkv"), "video/webm"),
    **dict.fromkeys(("ogg", "oga", "opus"), "audio/ogg"),
    **dict.fromkeys(("m4a", "m4b"), "audio/mp4"),
    **dict.fromkeys(("aif", "aiff", "aifc"), "audio/aiff"),
    **dict.fromkeys(("au", "snd"), "audio/basic"),
    "caf": "audio/x-caf",
    "aac": "audio/aac",
    "amr": "audio/amr",
    **dict.fromkeys(("txt", "text"), "text/plain"),
    **dict.fromkeys(("md", "markdown"), "text/markdown"),
    **dict.fromkeys(("html", "htm"), "text/html"),
    "avi": "video/x-msvideo",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    **dict.fromkeys(("json", "jsonl", "ndjson"), "application/json"),
    **dict.fromkeys(("csv", "tsv"), "text/csv"),
    "svg": "image/svg+xml",
}


class MediaType(NamedTuple):
    """A MIME name and what kind of medium it is; modality is None for what is no medium."""

    name: str
    modality: Modality | None


def judgeable(
    data: Buffer, name: str, modalities: frozenset[Modality], text: TextInput | None = None
) -> tuple[MediaType, tuple[Warn, ...]]:
    """The input's type, if there is a decoder and a detector for it.

    Args:
        data: the whole input.
        name: its file name, used for what it promises only.
        modalities: those that a detector is there for.
        text: how bytes become text, where the user said so.

    Returns:
        the type by the bytes, and a warning where the name promises another.

    Raises:
        InputTrouble: EMPTY, TYPE_MISMATCH (the name promises what we judge, the bytes are text or
            unknown), BAD_ENCODING, CORRUPT or UNSUPPORTED_TYPE, with what was found in the detail.
    """
    if not len(data):
        raise InputTrouble(Reason.EMPTY)
    found, promise = sniff(data), promised(name) if len(data) >= MIN_TOLD_BYTES else None
    if Modality.TEXT in modalities and found.modality in (None, Modality.TEXT):
        read = _as_text(data, name, found, promise, text or TextInput())
        if read is not None:
            return MediaType(read, Modality.TEXT), ()
    if found.modality not in modalities or not _has_decoder(found):
        raise _refusal(found, promise, modalities)
    if promise is not None and promise.name != found.name:
        return found, (Warn.TYPE_FROM_BYTES,)
    return found, ()


def sniff(data: Buffer) -> MediaType:
    """The type by magic bytes alone; "application/octet-stream" where they say nothing."""
    name = _binary_type(data) or text_type(data) or UNKNOWN
    return MediaType(name, _modality(name))


def promised(name: str) -> MediaType | None:
    """The type that a file name's extension promises, None if it promises none."""
    known = EXTENSIONS.get(name.rpartition(".")[2].lower()) if "." in name else None
    return None if known is None else MediaType(known, _modality(known))


def _as_text(
    data: Buffer, name: str, found: MediaType, promise: MediaType | None, text: TextInput
) -> str | None:
    from verascope.media.text_types import reader_of

    told = None if found.modality is None else found.name
    suffix = name.rpartition(".")[2] if "." in name else ""
    return reader_of(data, told, promise.name if promise else None, suffix, text)


def _refusal(
    found: MediaType, promise: MediaType | None, modalities: frozenset[Modality]
) -> InputTrouble:
    if found.name == "image/heic" and found.modality in modalities:
        mend = "reading HEIC needs an extra: pip install 'verascope[heif]'"
        return InputTrouble(Reason.UNSUPPORTED_TYPE, mend)
    vague = found.name == UNKNOWN or found.modality is Modality.TEXT
    if vague and promise is not None and promise.modality in modalities:
        what = "of no known type" if found.name == UNKNOWN else found.name
        detail = f"the name promises {promise.name}, the bytes are {what}"
        return InputTrouble(Reason.TYPE_MISMATCH, detail)
    if found.modality is None or found.modality in modalities:
        return InputTrouble(Reason.UNSUPPORTED_TYPE, f"{found.name} is not read")
    detail = f"{found.name}: there is no detector for {found.modality} yet"
    return InputTrouble(Reason.UNSUPPORTED_TYPE, detail)


def _has_decoder(found: MediaType) -> bool:
    if found.name == "image/heic":
        return importlib.util.find_spec("pillow_heif") is not None
    decoded = {Modality.IMAGE: DECODED, Modality.AUDIO: SOUNDS, Modality.TEXT: TEXTS}
    return found.modality is not None and found.name in decoded.get(found.modality, {found.name})


def _modality(name: str) -> Modality | None:
    if name in TEXT_NAMES:
        return Modality.TEXT
    family = name.partition("/")[0]
    return Modality(family) if family in ("image", "audio", "video") else None


def _binary_type(data: Buffer) -> str | None:
    head = bytes(data[:64])
    for prefix, name in PREFIXES:
        if head.startswith(prefix):
            return name
    if head[:4] in (b"RIFF", b"RF64", b"RIFX"):
        return RIFF_FORMS.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:4] == b"OggS":
        return "video/ogg" if holds_video(data) else "audio/ogg"
    if head[:3] == b"ID3":
        return _tagged(data)
    kind = _box_type(head)
    if kind in ("video/mp4", "video/quicktime") and holds_only_sound(data):
        return "audio/mp4"
    return kind or _bmp_type(head) or _mpeg_audio(data, head)


def _tagged(data: Buffer) -> str:
    """Sound behind an ID3 tag: MP3 as a rule, but FLAC and AAC are tagged so as well."""
    start = end_of_tags(data)
    head = bytes(data[start : start + 4])
    return "audio/flac" if head == b"fLaC" else _mpeg_audio(data, head) or "audio/mpeg"


def _box_type(head: bytes) -> str | None:
    """Files of ISO boxes (MP4, MOV, AVIF, HEIC, JUMBF) by their first box."""
    kind = head[4:8]
    if kind == b"jumb" and head[12:16] == b"jumd":
        return "application/c2pa" if head[16:20] == b"c2pa" else "application/x-jumbf"
    if kind == b"ftyp":
        end = min(int.from_bytes(head[:4], "big"), len(head))
        return _brand_type(head[8:12], {head[i : i + 4] for i in range(16, end - 3, 4)})
    return "video/quicktime" if kind in BARE_BOXES else None


def _brand_type(major: bytes, compatible: set[bytes]) -> str:
    if major in AVIF_BRANDS or (major in HEIC_BRANDS and compatible & AVIF_BRANDS):
        return "image/avif"
    if major in HEIC_BRANDS:
        return "image/heic"
    if major in AUDIO_BRANDS:
        return "audio/mp4"
    return "video/quicktime" if major == b"qt  " else "video/mp4"


def _bmp_type(head: bytes) -> str | None:
    if head[:2] != b"BM" or len(head) < 18 or head[6:10] != b"\0\0\0\0":
        return None
    return "image/bmp" if struct.unpack_from("<I", head, 14)[0] in BMP_HEADERS else None


def _mpeg_audio(data: Buffer, head: bytes) -> str | None:
    """MPEG audio without a tag; FF FE may also be the byte order mark of UTF-16 text."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if has_wide_bom(data) and text_type(data) is not None:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    version, layer, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2]
    sane = version != 1 and layer != 0 and rate >> 4 != 15 and rate >> 2 & 3 != 3
    return "audio/mpeg" if sane else None
