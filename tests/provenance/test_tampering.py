"""The tamper matrix of six formats: what each change makes of a credential that was trusted."""

import io
import wave
from collections.abc import Callable

import pytest
from PIL import Image

from tests.provenance import chain
from verascope.provenance.verify import verify
from verascope.result import Outcome, Provenance

FORMATS = ("image/jpeg", "image/png", "image/webp", "video/mp4", "audio/wav", "audio/mpeg")
INVALID, UNREADABLE, NONE = Outcome.INVALID, Outcome.UNREADABLE, Outcome.NONE
TRUSTED = Outcome.TRUSTED
TEXT = b"sixteen bytes..."


def byte_of_claim(data: bytes, media_type: str) -> bytes:
    return chain.flip(data, data.index(b"verascope-tests"))


def byte_of_signature(data: bytes, media_type: str) -> bytes:
    start, size = box_of(data, b"c2pa.signature\0")
    return chain.flip(data, start + size - 20)


def store_longer(data: bytes, media_type: str) -> bytes:
    """The outermost box says that it is longer than it is; its length is not signed."""
    return _store_length(data, 16)


def store_shorter(data: bytes, media_type: str) -> bytes:
    return _store_length(data, -16)


def _store_length(data: bytes, more: int) -> bytes:
    at = data.index(b"jumb") - 4
    size = int.from_bytes(data[at : at + 4], "big") + more
    return data[:at] + size.to_bytes(4, "big") + data[at + 4 :]


def label_of_claim(data: bytes, media_type: str) -> bytes:
    """Labels of boxes are not signed; nothing that is said depends on this one."""
    return chain.flip(data, data.index(b"c2pa.claim.v2\0"))


def box_of(data: bytes, label: bytes) -> tuple[int, int]:
    """Where the box with a label begins, and its size."""
    start = data.rindex(label) - 33  # header of 8, description's header of 8, type of 16, flags
    return start, int.from_bytes(data[start : start + 4], "big")


def last_tenth_cut(data: bytes, media_type: str) -> bytes:
    return data[: -len(data) // 10]


def last_bytes_cut(data: bytes, media_type: str) -> bytes:
    """Two, since the last one may be padding."""
    return data[:-2]


def zeros_appended(data: bytes, media_type: str) -> bytes:
    return data + bytes(16)


def text_appended(data: bytes, media_type: str) -> bytes:
    return data + TEXT


def metadata_edited(data: bytes, media_type: str) -> bytes:
    """Something harmless, written where programs write metadata."""
    match media_type:
        case "image/jpeg":
            return data[:2] + b"\xff\xe1\x00\x18Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + data[2:]
        case "image/png":
            end = data.rindex(b"IEND") - 4
            text = b"tEXtTitle\0holiday"
            return data[:end] + png_chunk(text) + data[end:]
        case "image/webp":
            return riff(data + b"EXIF\x08\0\0\0MM\0*\0\0\0\x08")
        case "audio/wav":
            return riff(data + b"LIST\x0c\0\0\0INFOINAM\0\0\0\0")
        case "video/mp4":
            return data + chain.box(b"udta", chain.box(b"name", b"holiday"))
        case _:
            return data + b"TAG" + bytes(125)


def png_chunk(body: bytes) -> bytes:
    import zlib

    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def riff(data: bytes) -> bytes:
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def coded_again(data: bytes, media_type: str) -> bytes:
    """Decoded and coded by an ordinary program; MP3 and MP4 copied as `ffmpeg -c copy` does."""
    out = io.BytesIO()
    match media_type:
        case "audio/wav":
            with wave.open(io.BytesIO(data)) as file, wave.open(out, "wb") as copy:
                copy.setparams(file.getparams())
                copy.writeframes(file.readframes(file.getnframes()))
        case "audio/mpeg":
            out.write(data[data.index(chain.tone()[:4]) :])
        case "video/mp4":
            start = data.index(b"uuid") - 4
            size = int.from_bytes(data[start : start + 4], "big")
            out.write(data[:start] + data[start + size :])
        case _:
            with Image.open(io.BytesIO(data)) as image:
                image.save(out, media_type.rpartition("/")[2].upper())
    return out.getvalue()


Change = Callable[[bytes, str], bytes]
# What each change gives, in the order of FORMATS (one outcome where all agree).
MATRIX: dict[Change, tuple[Outcome, ...]] = {
    byte_of_claim: (INVALID,) * 6,
    byte_of_signature: (INVALID,) * 6,
    store_longer: (TRUSTED,) * 6,
    store_shorter: (INVALID,) * 6,
    label_of_claim: (TRUSTED,) * 6,
    last_tenth_cut: (INVALID, UNREADABLE, UNREADABLE, INVALID, UNREADABLE, INVALID),
    last_bytes_cut: (INVALID, UNREADABLE, UNREADABLE, INVALID, UNREADABLE, INVALID),
    zeros_appended: (INVALID,) * 6,
    text_appended: (INVALID, INVALID, INVALID, UNREADABLE, INVALID, INVALID),
    metadata_edited: (INVALID,) * 6,
    coded_again: (NONE,) * 6,
}
CASES = [
    pytest.param(change, media_type, outcome, id=f"{change.__name__}-{media_type}")
    for change, outcomes in MATRIX.items()
    for media_type, outcome in zip(FORMATS, outcomes, strict=True)
]


@pytest.fixture(scope="module")
def root() -> chain.Authority:
    return chain.authority()


@pytest.fixture(scope="module")
def trust(root: chain.Authority, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return (chain.write_root(root, tmp_path_factory.mktemp("trust")),)


@pytest.fixture(scope="module")
def signer(root: chain.Authority) -> chain.Credentials:
    return chain.credentials(root)


@pytest.fixture(scope="module")
def signed(signer: chain.Credentials) -> dict[str, bytes]:
    return {each: chain.sign(chain.MEDIA[each](), each, signer) for each in FORMATS}


def check(data: bytes, media_type: str, trust: tuple[str, ...]) -> Provenance:
    return verify(io.BytesIO(data), media_type, trust)


@pytest.mark.parametrize(("change", "media_type", "outcome"), CASES)
def test_matrix(
    change: Change,
    media_type: str,
    outcome: Outcome,
    signed: dict[str, bytes],
    trust: tuple[str, ...],
) -> None:
    changed = change(signed[media_type], media_type)
    assert changed != signed[media_type]
    answer = check(changed, media_type, trust)
    assert answer.outcome is outcome, answer.detail


@pytest.mark.parametrize("media_type", FORMATS)
def test_signed_again_without_a_parent_loses_its_history(
    media_type: str, signed: dict[str, bytes], signer: chain.Credentials, trust: tuple[str, ...]
) -> None:
    again = chain.sign(signed[media_type], media_type, signer, [chain.created("digitalCapture")])
    answer = check(again, media_type, trust)
    assert answer.outcome is TRUSTED and answer.history is not None
    assert answer.history.ingredients == ()
    assert [claim.source_type for claim in answer.claims] == ["digitalCapture"]


def test_a_jpeg_without_its_segments_has_none(
    signed: dict[str, bytes], trust: tuple[str, ...]
) -> None:
    """As `exiftool -all=` leaves it: every application segment gone, the pixels as they were."""
    data, kept, at = signed["image/jpeg"], b"\xff\xd8", 2
    while data[at + 1] != 0xDA:
        size = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept += b"" if 0xE0 <= data[at + 1] <= 0xEF else data[at : at + size]
        at += size
    assert check(kept + data[at:], "image/jpeg", trust).outcome is NONE
