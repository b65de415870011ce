"""What of a picture's origin survives what platforms and programs do to it; a table in Markdown.

    python benchmarks/survival.py [PICTURE] [--json results.json]

The picture is signed as made by AI, and declares it in XMP (IPTC) and in EXIF (the settings of a
Stable Diffusion program) as well. Its fingerprint is registered.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.fingerprint import fingerprint, usable
from verascope.provenance.marks import marks
from verascope.provenance.republish import republish
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.provenance.upload import Recipe, transcode
from verascope.provenance.verify import verify
from verascope.result import Modality

JPEG = "image/jpeg"
EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType'
    b'="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
SETTINGS = (
    "a photograph\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, "
    "Size: 512x512, Model hash: 0123456789, Model: x"
)
EXAMPLE = Path(__file__).parents[1] / "examples" / "photographs" / "flower.jpg"


class Row(NamedTuple):
    """What is left after one change; `distance` is that of the fingerprint, of 256."""

    change: str
    outcome: str
    declared: tuple[str, ...]
    distance: int


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("picture", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(asked.picture, Path(folder))
    print("| change | credential | declarations without a signature | fingerprint |")
    print("| --- | --- | --- | --- |")
    for row in rows:
        found = "found" if row.distance <= 31 else "lost"
        says = ", ".join(row.declared) or "none"
        print(f"| {row.change} | `{row.outcome}` | {says} | {found}, {row.distance} of 256 |")
    if asked.json:
        asked.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")


def measure(picture: Path, folder: Path) -> list[Row]:
    """One row for each change."""
    chain = dev_chain("A platform")
    (folder / "root.pem").write_bytes(chain.root)
    original = folder / "original.jpg"
    original.write_bytes(_declared(picture))
    signer = Signer(chain=chain.chain, key=chain.key)
    sign(original, original, JPEG, signer, Declaration(source_type="trainedAlgorithmicMedia"))
    trust, first = (str(folder / "root.pem"),), _bits(original.read_bytes())[0]
    rows = []
    for name, change in CHANGES.items():
        data = change(original, folder, chain)
        with Image.open(io.BytesIO(data)) as image:
            media_type = Image.MIME[image.format or "JPEG"]
        outcome = verify(io.BytesIO(data), media_type, trust).outcome
        declared = tuple(mark.kind for mark in marks(data, media_type))
        distance = min((first ^ each).bit_count() for each in _bits(data))
        rows.append(Row(name, outcome, declared, distance))
    return rows


def _declared(picture: Path) -> bytes:
    """The picture with both declarations in its metadata."""
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = b"UNICODE\0" + SETTINGS.encode("utf-16-be")
    out = io.BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").save(out, "JPEG", quality=92, exif=exif, xmp=XMP)
    return out.getvalue()


def _bits(data: bytes) -> list[int]:
    with Image.open(io.BytesIO(data)) as image:
        found = fingerprint(np.asarray(image.convert("RGB")), Modality.IMAGE)
    if not usable(found):
        raise SystemExit("the picture is too plain for a fingerprint")
    return [int.from_bytes(each, "big") for each in found.hashes]


Change = Callable[[Path, Path, DevChain], bytes]


def _saved(kind: str, change: Callable[[Image.Image], Image.Image], **options: object) -> Change:
    """Opened, changed and saved by an ordinary program."""

    def save(original: Path, folder: Path, chain: DevChain) -> bytes:
        out = io.BytesIO()
        with Image.open(original) as image:
            kept = options or {}
            if kept.get("metadata"):
                kept = {"exif": image.info["exif"], "xmp": image.info["xmp"]}
            change(image).save(out, kind, **kept)
        return out.getvalue()

    return save


def _cropped(image: Image.Image) -> Image.Image:
    x, y = image.width // 20, image.height // 20
    return image.crop((x, y, image.width - x, image.height - y))


def _republished(original: Path, folder: Path, chain: DevChain) -> bytes:
    target = folder / "public.jpg"
    trust = (str(folder / "root.pem"),)
    republish(original, target, Signer(chain=chain.chain, key=chain.key), trust=trust)
    return target.read_bytes()


CHANGES: dict[str, Change] = {
    "none": lambda original, folder, chain: original.read_bytes(),
    "saved again, metadata kept": _saved("JPEG", lambda image: image, metadata=True),
    "saved again": _saved("JPEG", lambda image: image),
    "saved as PNG": _saved("PNG", lambda image: image.convert("RGB")),
    "saved as WebP": _saved("WEBP", lambda image: image),
    "a tenth cropped": _saved("JPEG", _cropped),
    "a platform: at most 1080 pixels, JPEG 75, metadata removed": lambda original, folder, chain: (
        transcode(np.asarray(Image.open(original).convert("RGB")), Recipe())
    ),
    "`verascope republish`": _republished,
}


if __name__ == "__main__":
    main()
