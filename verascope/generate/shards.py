"""A corpus as WebDataset shards: tar files whose bytes depend on the corpus alone.

Each sample is `KEY.jpg` (or .png, .webp) and `KEY.json`, its row of the manifest, and
`KEY.mask.png` where a part was made. Shards are called SPLIT-NNNNNN.tar; pairs are never cut apart.
The corpus's own manifest.csv and corpus.json lie beside them, with members.csv, which says where
each file is: training reads the folder as it reads the corpus.
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
from verascope.generate import manifest, members
from verascope.generate.manifest import MANIFEST, Row
from verascope.generate.members import MEMBERS, Member
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
        out: folder for the shards and what tells of them.
        max_bytes: a shard is closed before it gets larger than this (a single pair may be).

    Raises:
        UsageError: it is no finished corpus, or a file is not what the manifest says.
    """
    if out.resolve() == corpus.resolve():
        raise UsageError("shards take a folder of their own: choose another --out")
    if not (corpus / "corpus.json").is_file():
        raise UsageError(f"{corpus} is no finished corpus: corpus.json is missing")
    rows = list(manifest.read(corpus / MANIFEST))
    out.mkdir(parents=True, exist_ok=True)
    # The manifest is what makes the folder a corpus: not there before all the rest is.
    (out / MANIFEST).unlink(missing_ok=True)
    shards: list[Shard] = []
    packed: list[Member] = []
    for split in sorted({row.split for row in rows}):
        chosen = [row for row in rows if row.split == split]
        for number, part in enumerate(_parts(chosen, max_bytes)):
            name = f"{split}-{number:06d}.tar"
            content, held = _tar(corpus, part)
            packed += [Member(path=path, shard=name, member=own) for path, own in held.items()]
            write_atomically(out / name, content)
            digest = hashlib.sha256(content).hexdigest()
            shards.append(Shard(path=name, sha256=digest, bytes=len(content), samples=len(part)))
    listed = (corpus / MANIFEST).read_bytes()
    digest = hashlib.sha256(listed).hexdigest()
    index = {"manifest_sha256": digest, "shards": msgspec.to_builtins(shards)}
    write_json(out / INDEX, index)
    members.write(out / MEMBERS, packed)
    write_atomically(out / "corpus.json", (corpus / "corpus.json").read_bytes())
    write_atomically(out / MANIFEST, listed)
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


def _tar(corpus: Path, rows: list[Row]) -> tuple[bytes, dict[str, str]]:
    """A shard's bytes, and which file of the corpus is which member."""
    packed, held = io.BytesIO(), {}
    # ustar without owner, time or umask: nothing of the machine that packs.
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            content = (corpus / row.path).read_bytes()
            if hashlib.sha256(content).hexdigest() != row.sha256:
                raise UsageError(f"{corpus / row.path} is not what the manifest says")
            path = Path(row.path)
            key = f"{path.parent.name}-{path.stem}"
            held[row.path] = f"{key}{path.suffix}"
            _add(tar, held[row.path], content)
            _add(tar, f"{key}.json", msgspec.json.encode(row, order="sorted"))
            if row.mask:
                held[row.mask] = f"{key}.mask.png"
                _add(tar, held[row.mask], (corpus / row.mask).read_bytes())
    return packed.getvalue(), held


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))


def _blocks(size: int) -> int:
    return -(-size // 512) * 512
