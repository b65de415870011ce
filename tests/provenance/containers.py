"""The smallest files of the rarer formats that the library signs, made by hand."""

import io
import zipfile
from collections.abc import Callable

from tests.provenance import chain

OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def svg() -> bytes:
    """A square."""
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9"/></svg>'


def branded(brand: bytes) -> Callable[[], bytes]:
    """The MP4 clip under another name."""
    return lambda: chain.clip()[:8] + brand + chain.clip()[12:]


def jxl() -> bytes:
    """A JPEG XL container with something in place of a code stream."""
    signature = chain.box(b"JXL ", b"\r\n\x87\n")
    kind = chain.box(b"ftyp", b"jxl ", bytes(4), b"jxl ")
    return signature + kind + chain.box(b"jxlc", b"\xff\x0a", bytes(200))


def flac() -> bytes:
    """Stream information, and something in place of frames."""
    block = (4096).to_bytes(2, "big") * 2 + bytes(6) + b"\x0a\xc4\x42\xf0" + bytes(20)
    return b"fLaC\x80" + len(block).to_bytes(3, "big") + block + bytes(500)


def avi() -> bytes:
    """A header and one chunk of video data."""
    header = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", bytes(56)))
    return _chunk(b"RIFF", b"AVI " + header + _chunk(b"LIST", b"movi" + _chunk(b"00dc", bytes(99))))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


def pdf() -> bytes:
    """One empty page."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    )
    out, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, body in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj%s endobj\n" % (number, body)
    end = b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 4\n" + table + end


def zipped(kind: str, first: str = "mimetype") -> Callable[[], bytes]:
    """A document that is a ZIP archive."""

    def make() -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(first, kind)
            archive.writestr("content.xml", "<x/>" * 20)
        return out.getvalue()

    return make


CONTAINERS: dict[str, Callable[[], bytes]] = {
    "image/svg+xml": svg,
    "image/jxl": jxl,
    "video/quicktime": branded(b"qt  "),
    "audio/mp4": branded(b"M4A "),
    "video/x-msvideo": avi,
    "audio/flac": flac,
    "application/pdf": pdf,
    "application/epub+zip": zipped("application/epub+zip"),
    "application/vnd.oasis.opendocument.text": zipped("application/vnd.oasis.opendocument.text"),
    OFFICE: zipped("<Types/>", "[Content_Types].xml"),
}
