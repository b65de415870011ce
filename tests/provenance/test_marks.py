"""Unsigned declarations: found wherever writers put them, and not where words only resemble."""

import base64
import csv
import io
import json
import random
import time
import zlib

import pytest
from PIL import Image, PngImagePlugin

from tests.provenance import chain
from tests.provenance.test_expected import HOSTILE, PROVENANCE
from verascope.media.types import sniff
from verascope.provenance.mark import Declared, Mark
from verascope.provenance.marks import declares_ai, evidence, marks
from verascope.provenance.metadata import MAX_TEXT_BYTES, read_metadata
from verascope.provenance.xmp import properties
from verascope.result import Extent, Strength, Supports

DECLARATIONS = PROVENANCE / "declarations"
A1111 = (
    "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8"
)
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
AI_TYPE = chain.SOURCE_TYPES + "trainedAlgorithmicMedia"


def xmp(inside: str) -> bytes:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{inside}'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


IPTC_XMP = xmp(f'<rdf:Description xmlns:i="{IPTC}" i:DigitalSourceType="{AI_TYPE}"/>')


def image(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32)).save(out, kind, **options)
    return out.getvalue()


def png(key: str, text: str, *, packed: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text(key, text, zip=packed)
    return image("PNG", pnginfo=info)


def exif(tag: int, value: str | bytes, *, below: bool = False) -> bytes:
    found = Image.Exif()
    (found.get_ifd(0x8769) if below else found)[tag] = value
    return found.tobytes()


def look(data: bytes) -> tuple[Mark, ...]:
    return marks(data, sniff(data).name)


USER_COMMENT = b"UNICODE\0" + A1111.encode("utf-16-be")


@pytest.mark.parametrize(
    "data",
    [
        png("parameters", A1111),
        png("parameters", A1111, packed=True),
        image("JPEG", exif=exif(0x9286, USER_COMMENT, below=True)),
        image("WEBP", exif=exif(0x9286, USER_COMMENT, below=True)),
        image("PNG", exif=exif(0x9286, USER_COMMENT, below=True)),
        image("JPEG", exif=exif(0x010E, 'Workflow:{"nodes": [{"type": "KSampler"}]}')),
        image("JPEG", comment=A1111.encode()),
        png("prompt", '{"3": {"class_type": "KSampler", "inputs": {}}}'),
        image("JPEG", xmp=IPTC_XMP),
        image("WEBP", xmp=IPTC_XMP),
        image("TIFF", tiffinfo={700: IPTC_XMP}),
        image("AVIF", xmp=IPTC_XMP),
        image("JPEG", xmp=b"\xef\xbb\xbf" + IPTC_XMP),
        image("JPEG", xmp=IPTC_XMP.decode().encode("utf-16")),
        png("AIGC", '{"Label": "1"}'),
        png("AIGC", "[{'Label': '1'}]"),
    ],
)
def test_ai_is_declared(data: bytes) -> None:
    found = look(data)
    assert [mark.declared for mark in found] == [Declared.AI]
    assert declares_ai(found) is Extent.WHOLE


@pytest.mark.parametrize(
    "data",
    [
        image("PNG"),
        png("prompt", "Press any key"),
        png("parameters", "Steps to the beach, Seed: of doubt"),
        png("parameters", '{"seed": 5}'),
        png("parameters", '{"width": 5, "height": 7}'),
        png("workflow", "[1, 2]"),
        png("prompt", '{"type": "object", "properties": {}}'),
        png("Comment", '{"steps": 28, "seed": 7}'),
        png("prompt", "[" * 100_000),
        png("prompt", "1" * 10_000),
        image("JPEG", xmp=xmp("<rdf:Description>trainedAlgorithmicMedia</rdf:Description>")),
        image("JPEG", xmp=IPTC_XMP.replace(IPTC.encode(), b"http://example.org/")),
    ],
)
def test_nothing_is_declared(data: bytes) -> None:
    assert look(data) == ()


def test_a_part_and_a_camera() -> None:
    part = IPTC_XMP.replace(b"/trained", b"/compositeWithTrained")
    assert declares_ai(look(image("JPEG", xmp=part))) is Extent.PART
    camera = look(
        image("JPEG", xmp=IPTC_XMP.replace(b"trainedAlgorithmicMedia", b"digitalCapture"))
    )
    assert camera[0].declared is Declared.NOT_AI and declares_ai(camera) is None


def test_a_word_of_another_vocabulary_declares_nothing_known() -> None:
    other = IPTC_XMP.replace(b"http://cv.iptc.org/newscodes", b"https://example.org/not")
    (found,) = look(image("JPEG", xmp=other))
    assert found.declared is Declared.OTHER and "unknown to us" in found.statement
    assert declares_ai((found,)) is None


def test_a_manifest_in_text_is_not_called_unsigned() -> None:
    for declared in (Declared.SIGNED_MANIFEST_PRESENT, Declared.BROKEN_MANIFEST):
        mark = Mark(kind="c2pa_text", declared=declared, value="", statement="It is there.")
        assert evidence((mark,))[0].statement == "It is there."


def test_evidence_is_weak_and_says_why() -> None:
    (found,) = evidence(look(png("parameters", A1111)))
    assert (found.supports, found.strength) == (Supports.SYNTHETIC, Strength.WEAK)
    assert "not signed" in found.statement
    (other,) = evidence(look(png("AIGC", "{Label:1")))
    assert other.supports is Supports.NEUTRAL


def test_a_document_type_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert properties(bomb + IPTC_XMP) == ()
    assert properties(IPTC_XMP)


def test_a_bomb_gives_its_beginning_only() -> None:
    text = PngImagePlugin.PngInfo()
    text.add(b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * 20_000_000, 1))
    data = image("PNG", pnginfo=text)
    ((_, value),) = read_metadata(data, "image/png").texts
    assert len(value) == MAX_TEXT_BYTES and look(data) == ()


A8 = bytes.fromhex("4332504154585400") + b"\x01"


def wrapper(store: bytes, *, length: int | None = None) -> str:
    payload = A8 + (len(store) if length is None else length).to_bytes(4, "big") + store
    return "\ufeff" + "".join(chr(0xFE00 + b if b < 16 else 0xE0100 + b - 16) for b in payload)


def armour(store: bytes) -> str:
    data = base64.b64encode(store).decode()
    return f"-----BEGIN C2PA MANIFEST-----\n{data}\n-----END C2PA MANIFEST-----"


STORE = (20).to_bytes(4, "big") + b"jumb" + bytes(12)


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("Plain words." + wrapper(STORE), Declared.SIGNED_MANIFEST_PRESENT),
        ("Plain words." + wrapper(STORE, length=99), Declared.BROKEN_MANIFEST),
        ("Plain words." + armour(STORE), Declared.SIGNED_MANIFEST_PRESENT),
        ("Plain words." + armour(STORE[:-1]), Declared.BROKEN_MANIFEST),
        ("a\u200bb\u200bc\u200bd\u200be", Declared.MARKED),
        ("made\U000e0062\U000e0079\U000e0020\U000e0078", Declared.MARKED),
        ("one\u200bspace", None),
        ("\ufeffA byte order mark.", None),
        ("Families: 👨\u200d👩\u200d👧\u200d👦 and hearts ❤\ufe0f❤\ufe0f❤\ufe0f", None),
        ("می\u200cخواهم می\u200cروم نمی\u200cدانم کتاب\u200cها می\u200cگویم", None),
        ("葛\U000e0100城 葛\U000e0101飾", None),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
    ],
)
def test_text(text: str, declared: Declared | None) -> None:
    found = marks(text.encode(), "text/plain")
    assert [mark.declared for mark in found] == ([declared] if declared else [])
    assert declares_ai(found) is None


def expected() -> list[dict[str, str]]:
    path = DECLARATIONS / "expected.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not expected(), reason="no shared declarations beside the repository")
def test_shared_declarations() -> None:
    wrong = []
    for row in expected():
        found = look((DECLARATIONS / "files" / row["file"]).read_bytes())
        declared = {str(mark.declared) for mark in found} or {"none"}
        if declared != {row["declared"]} or {mark.kind for mark in found} - {row["kind"]}:
            wrong.append((row["file"], declared))
    assert not wrong


@pytest.mark.skipif(not HOSTILE.exists(), reason="no hostile files beside the repository")
def test_hostile_files_are_read_in_no_time() -> None:
    slow = {}
    for path in sorted((HOSTILE / "files").iterdir()):
        start = time.process_time()
        look(path.read_bytes())
        spent = time.process_time() - start
        if spent > 1:
            slow[path.name] = spent
    assert not slow


def fuzzed() -> list[tuple[bytes, str]]:
    kinds = {"image/jpeg": "JPEG", "image/webp": "WEBP", "image/tiff": "TIFF", "image/png": "PNG"}
    made = exif(0x9286, USER_COMMENT, below=True)
    pictures = [(image(kind, exif=made), name) for name, kind in kinds.items()]
    id3 = (
        b"ID3\x04\0\0\0\0\x01\0TXXX"
        + b"\0\0\0\x20\0\0\x03AIGC\0"
        + json.dumps({"Label": 1}).encode()
    )
    return [
        *pictures,
        (chain.sound() + b"LIST\x10\0\0\0INFOICMT", "audio/wav"),
        (id3, "audio/mpeg"),
    ]


@pytest.mark.parametrize(("data", "media_type"), fuzzed(), ids=lambda value: str(value)[:12])
def test_broken_files_raise_nothing(data: bytes, media_type: str) -> None:
    rng = random.Random(11)
    for _ in range(1_500):
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        marks(bytes(changed[: rng.choice((len(data), rng.randrange(len(data))))]), media_type)
