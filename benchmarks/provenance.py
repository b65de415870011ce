"""What checking a credential costs, each as a ratio to the bare library in the same run.

    python benchmarks/provenance.py [--files 200] [--json results.json]

Processor time for a file, the least of several passes over all of them. The bars are those of
DESIGN: 80 % of the library's speed on many files of few signers, 45 % where every signer differs
(then two lists of authorities have to be asked apart for each).
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.library import load
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.provenance.trust import contexts
from verascope.provenance.verify import verify

PASSES = 5
MEGAPIXEL = (1000, 1000)
SIGNERS = 40
FEW = 4
JPEG = "image/jpeg"


class Row(NamedTuple):
    """One figure: milliseconds a file, bare and ours, and the bar on bare / ours."""

    what: str
    bare_ms: float
    ours_ms: float
    bar: float | None

    @property
    def ratio(self) -> float:
        """Our speed as a part of the library's."""
        return self.bare_ms / self.ours_ms


def main() -> None:
    """Measure, print a table, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), asked.files)
    for row in rows:
        bar = f"bar {row.bar:.0%}" if row.bar else ""
        print(f"{row.what:<32} {row.bare_ms:6.2f} ms {row.ours_ms:6.2f} ms {row.ratio:5.0%}  {bar}")
    if asked.json:
        facts = [row._asdict() | {"ratio": row.ratio} for row in rows]
        asked.json.write_text(json.dumps(facts, indent=1) + "\n")


def measure(folder: Path, count: int) -> list[Row]:
    """All rows; `count` files for each."""
    chains = [dev_chain(f"Signer {number}") for number in range(SIGNERS)]
    roots = folder / "roots.pem"
    roots.write_bytes(b"".join(chain.root for chain in chains))
    trust = (str(roots),)
    plain = _picture()
    signed = [_sign(folder, plain, chain) for chain in chains]
    few = [signed[number % FEW] for number in range(count)]
    known = contexts(trust)
    rows = [_row("no credential", [plain] * count, trust, None)]
    rows.append(_row(f"signed, {FEW} signers", few, trust, 0.80))
    rows.append(_row("signed, every signer new", signed, trust, 0.45, known.decisions.clear))
    return rows


def _row(
    what: str,
    files: list[bytes],
    trust: tuple[str, ...],
    bar: float | None,
    before: Callable[[], None] = lambda: None,
) -> Row:
    context = contexts(trust).everything
    passes = [
        (_time(lambda data: _bare(data, context), files), _time(_ours(trust), files, before))
        for _ in range(PASSES)
    ]
    bare, ours = (min(times) for times in zip(*passes, strict=True))
    return Row(what, bare, ours, bar)


def _time(
    work: Callable[[bytes], object], files: list[bytes], before: Callable[[], None] = lambda: None
) -> float:
    """Milliseconds of processor time a file."""
    before()
    start = time.process_time()
    for data in files:
        work(data)
    return 1000 * (time.process_time() - start) / len(files)


def _bare(data: bytes, context: Any) -> None:
    c2pa = load()
    try:
        with c2pa.Reader(JPEG, io.BytesIO(data), None, context) as reader:
            reader.json()
    except c2pa.C2paError.ManifestNotFound:
        return


def _ours(trust: tuple[str, ...]) -> Callable[[bytes], object]:
    return lambda data: verify(io.BytesIO(data), JPEG, trust)


def _picture() -> bytes:
    """A megapixel of soft noise: about 300 kB as JPEG, like a photograph."""
    small = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize(MEGAPIXEL, Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def _sign(folder: Path, data: bytes, chain: DevChain) -> bytes:
    path = folder / "file.jpg"
    path.write_bytes(data)
    says = Declaration(source_type="digitalCapture")
    sign(path, path, JPEG, Signer(chain=chain.chain, key=chain.key), says)
    return path.read_bytes()


if __name__ == "__main__":
    main()
