"""A corpus as WebDataset shards: tar files whose bytes depend on the corpus alone.

Each sample is `KEY.jpg` (or .png, .webp) and `KEY.json`, its row of the manifest, and
`KEY.mask.png` where a part was made. Shards are called SPLIT-NNNNNN.tar; pairs are never cut apart.
"""

import hashlib
import io
import itertools
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from verascope.errors import UsageError
from verascope.generate import manifest
from verascope.generate.manifest import MANIFEST, Row
from verascope.generate.run import write_atomically, write_json

INDEX = "shards.json"


class Shard(Struct, frozen=True, kw_only=True):
    """One tar file of an index."""

    path: str
    sha256: str
    bytes: int
    samples: int


def write_shards(corpus: Path, out: Path, max_bytes: int = 500_000_000) -> list[Shard]:
    """Pack a finished corpus; every file is checked against the manifest on the way.

    Args:
        corpus: a folder of corpus.write().
        out: folder for the shards and shards.json.
        max_bytes: a shard is closed before it gets larger than this (a single pair may be).

    Raises:
        UsageError: it is no finished corpus, or a file is not what the manifest says.
    """
    if not (corpus / "corpus.json").is_file():
        raise UsageError(f"{corpus} is no finished corpus: corpus.json is missing")
    rows = list(manifest.read(corpus / MANIFEST))
    out.mkdir(parents=True, exist_ok=True)
    shards = []
    for split in sorted({row.split for row in rows}):
        chosen = [row for row in rows if row.split == split]
        for number, part in enumerate(_parts(chosen, max_bytes)):
            content = _tar(corpus, part)
            name = f"{split}-{number:06d}.tar"
            write_atomically(out / name, content)
            digest = hashlib.sha256(content).hexdigest()
            shards.append(Shard(path=name, sha256=digest, bytes=len(content), samples=len(part)))
    digest = hashlib.sha256((corpus / MANIFEST).read_bytes()).hexdigest()
    index = {"manifest_sha256": digest, "shards": msgspec.to_builtins(shards)}
    write_json(out / INDEX, index)
    return shards


def _parts(rows: list[Row], max_bytes: int) -> Iterator[list[Row]]:
    """Rows in the manifest's order, cut between pairs."""
    part: list[Row] = []
    size = 0
    for _, group in itertools.groupby(rows, key=lambda row: row.pair or row.path):
        pair = list(group)
        more = sum(_blocks(row.bytes) + 2048 for row in pair)
        if part and size + more > max_bytes:
            yield part
            part, size = [], 0
        part += pair
        size += more
    if part:
        yield part


def _tar(corpus: Path, rows: list[Row]) -> bytes:
    packed = io.BytesIO()
    # ustar without owner, time or umask: nothing of the machine that packs.
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            content = (corpus / row.path).read_bytes()
            if hashlib.sha256(content).hexdigest() != row.sha256:
                raise UsageError(f"{corpus / row.path} is not what the manifest says")
            path = Path(row.path)
            key = f"{path.parent.name}-{path.stem}"
            _add(tar, f"{key}{path.suffix}", content)
            _add(tar, f"{key}.json", msgspec.json.encode(row, order="sorted"))
            if row.mask:
                _add(tar, f"{key}.mask.png", (corpus / row.mask).read_bytes())
    return packed.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))


def _blocks(size: int) -> int:
    return -(-size // 512) * 512
