"""A credential with a broken byte is never read as: there is none. Plain files are."""

import io
import random
import zipfile
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from tests.provenance import chain
from tests.provenance.containers import zipped
from tests.provenance.test_expected import SHARED
from verascope.provenance.answer import ask
from verascope.provenance.remains import TYPE_END, trouble
from verascope.provenance.trust import contexts
from verascope.provenance.verify import verify
from verascope.result import Outcome, Provenance

PICTURES = SHARED / "corpora/image/files"
KINDS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"RI": "image/webp"}


def gif() -> bytes:
    return _pillow("GIF")


def tiff() -> bytes:
    return _pillow("TIFF")


def _pillow(kind: str) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(chain.picture("PNG"))).convert("L").save(out, kind)
    return out.getvalue()


MEDIA: dict[str, Callable[[], bytes]] = {**chain.MEDIA, "image/gif": gif, "image/tiff": tiff}


def check(data: bytes, media_type: str) -> Provenance:
    return verify(io.BytesIO(data), media_type, ("none",))


def flips(data: bytes) -> Iterator[bytes]:
    """One byte changed: every one of the file's head and around the beginning of the store."""
    start = data.find(b"jumb") - 4
    near = {*range(64), *range(max(0, start - 48), start + 80)}
    for at in sorted(near & set(range(len(data)))):
        for mask in (1, 255):
            yield data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


@pytest.mark.parametrize("media_type", MEDIA)
def test_no_broken_byte_reads_as_none(media_type: str) -> None:
    plain = MEDIA[media_type]()
    assert check(plain, media_type).outcome is Outcome.NONE
    signed = chain.sign(plain, media_type, chain.credentials(chain.authority()))
    silent = [
        changed
        for changed in flips(signed)
        if (answer := check(changed, media_type)).outcome is Outcome.NONE
        or (answer.outcome is Outcome.UNREADABLE and not answer.detail)
    ]
    assert not silent


def test_no_broken_byte_of_an_archive_reads_as_none() -> None:
    plain = zipped("application/epub+zip")()
    assert check(plain, "application/zip").outcome is Outcome.NONE
    signed = chain.sign(plain, "application/epub+zip", chain.credentials(chain.authority()))
    silent = []
    for at in range(len(signed) - 250, len(signed)):
        changed = chain.flip(signed, at)
        if check(changed, "application/zip").outcome is Outcome.NONE:
            silent.append(at - len(signed))
    assert not silent


def test_a_signed_picture_in_an_archive_is_not_the_archives() -> None:
    picture = chain.sign(chain.picture(), "image/jpeg", chain.credentials(chain.authority()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("cover.jpg", picture)
    assert check(out.getvalue(), "application/zip").outcome is Outcome.NONE


def test_pixels_that_spell_the_markers_are_no_remains() -> None:
    """Uncompressed samples and text that hold the words, not the boxes."""
    words = b"jumb jumd c2pa caBX C2PA c2ma urn:c2pa:" + TYPE_END
    image = Image.frombytes("L", (len(words), 40), words * 40)
    for kind in ("TIFF", "PNG", "GIF"):
        out = io.BytesIO()
        options = {"compress_level": 0} if kind == "PNG" else {}
        image.save(out, kind, **options)
        assert check(out.getvalue(), f"image/{kind.lower()}").outcome is Outcome.NONE
    out = io.BytesIO()
    Image.open(io.BytesIO(chain.picture())).save(out, "JPEG", comment=words)
    assert check(out.getvalue(), "image/jpeg").outcome is Outcome.NONE


def test_a_box_across_two_reads_is_found() -> None:
    for before in range((1 << 20) - 20, (1 << 20) + 1):
        assert trouble(io.BytesIO(bytes(before) + b"c2ma" + TYPE_END), "audio/wav")


def test_a_damaged_frame_is_told() -> None:
    for kind in ("PNG", "WEBP"):
        assert trouble(io.BytesIO(chain.picture(kind)[:-9]), f"image/{kind.lower()}")


@pytest.mark.skipif(not PICTURES.exists(), reason="no pictures beside the repository")
def test_plain_pictures_raise_no_false_alarm() -> None:
    """Asked without the prefilter, so that each comes to where remains are looked for."""
    paths = sorted(path for path in PICTURES.rglob("*") if path.is_file())
    known = contexts(("none",))
    wrong = []
    for path in random.Random(5).sample(paths, min(400, len(paths))):
        data = path.read_bytes()
        answer = ask(io.BytesIO(data), KINDS.get(data[:2], "image/gif"), None, known)
        if answer.outcome is not Outcome.NONE:
            wrong.append((path.name, answer.detail))
    assert not wrong
