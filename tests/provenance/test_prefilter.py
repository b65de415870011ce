"""The prefilter says no only where the library would find nothing: on real and on broken files."""

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provenance import chain
from tests.provenance.chain import credentials, sign
from tests.provenance.test_expected import SHARED
from verascope.provenance.library import load
from verascope.provenance.prefilter import may_carry_credential
from verascope.provenance.trust import contexts

KINDS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def library_finds_something(data: bytes) -> bool:
    """Whether the library says anything but: no manifest."""
    c2pa = load()
    try:
        c2pa.Reader("image/jpeg", io.BytesIO(data), None, contexts(("none",)).everything).close()
    except c2pa.C2paError.ManifestNotFound:
        return False
    except c2pa.C2paError:
        return True
    return True


@pytest.mark.parametrize("kind", KINDS.values())
def test_plain_pictures_are_passed_over(kind: str) -> None:
    """The prefilter is of use: it does say no."""
    data = chain.picture(kind)
    assert not may_carry_credential(data)
    assert not library_finds_something(data)


def test_progressive_and_restart_markers_are_passed_over() -> None:
    from PIL import Image

    for options in ({"progressive": True}, {"restart_marker_blocks": 2}, {"exif": b"Exif\0\0"}):
        out = io.BytesIO()
        Image.open(io.BytesIO(chain.picture())).save(out, "JPEG", **options)
        assert not may_carry_credential(out.getvalue())


@pytest.mark.parametrize("media_type", KINDS)
def test_changed_files_are_never_missed(media_type: str) -> None:
    """Thousands of cut, flipped and spliced files, signed and plain."""
    rng = random.Random(7)
    signer = credentials(chain.authority())
    plain = chain.picture(KINDS[media_type], 24)
    signed = sign(plain, media_type, signer)
    remote = sign(plain, media_type, signer, remote_url="https://example.org/m.c2pa")
    missed = [
        data
        for source in (plain, signed, remote)
        for data in _changes(source, rng, 400)
        if not may_carry_credential(data) and library_finds_something(data)
    ]
    assert not missed


def _changes(data: bytes, rng: random.Random, count: int) -> Iterator[bytes]:
    yield data
    head = min(len(data), 4_000)
    for _ in range(count):
        at, size = rng.randrange(head), rng.randrange(1, 40)
        yield data[: rng.randrange(len(data))]
        yield data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        yield data[:at] + rng.randbytes(size) + data[at:]
        yield data[:at] + data[at + size :]


def test_xmp_in_a_compressed_chunk_is_not_overlooked() -> None:
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    xmp = (
        '<x xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="https://example.org/m"/>'
    )
    info.add_itxt("XML:com.adobe.xmp", xmp, zip=True)
    out = io.BytesIO()
    Image.open(io.BytesIO(chain.picture("PNG"))).save(out, "PNG", pnginfo=info)
    assert b"provenance" not in out.getvalue()
    assert may_carry_credential(out.getvalue())


def shared_files() -> list[Path]:
    folders = ("provenance/files", "hostile/files")
    return [path for folder in folders for path in sorted((SHARED / folder).rglob("*.*"))]


@pytest.mark.skipif(not shared_files(), reason="no shared files beside the repository")
def test_outcome_with_prefilter_is_the_outcome_without() -> None:
    passed_over = 0
    for path in shared_files():
        data = path.read_bytes()
        if not may_carry_credential(data):
            passed_over += 1
            assert not library_finds_something(data), path.name
    assert passed_over > 10
