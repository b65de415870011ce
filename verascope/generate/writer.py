"""The files of a corpus: encoded alike, signed, written by several threads, journalled in order.

The networks run in the caller's thread; encoding and signing, which hold no lock, in others. The
journal has a line for each candidate in the order of their keys, whichever thread was done first,
so a killed writer goes on where it was, and the number of threads changes no byte.
"""

import hashlib
import json
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from verascope.errors import UsageError
from verascope.generate.checks import too_poor
from verascope.generate.contract import Array, Data, Generator, Item, Transformer, item_rng
from verascope.generate.encode import Codec
from verascope.generate.forms import form_of
from verascope.generate.manifest import Row, label_of, spans_text
from verascope.generate.pairs import CANDIDATES, CODEC, PILOT, Plan, candidates
from verascope.generate.signing import sign_made
from verascope.provenance.sign import Signer

JOURNAL = "journal.jsonl"
AHEAD = 4  # pairs that wait for a thread, for each of them
MASK = Codec(format="PNG", quality=0, subsampling=0)


class Entry(Struct, frozen=True, kw_only=True):
    """A line of the journal: one candidate, done.

    Attributes:
        rows: the two files, real first; none if it was refused.
        headers: what the header null sees of each, taken before signing.
        refused: why it was left out.
    """

    rows: list[Row] = []
    headers: list[list[float]] = []
    refused: str = ""


class Writer(NamedTuple):
    """Where and how the files are written; without a signer they stay unsigned."""

    out: Path
    plan: Plan
    signer: Signer | None
    jobs: int = 1

    def write(
        self, generators: Sequence[Generator], data: Data, how: dict[str, Any]
    ) -> list[Entry]:
        """Write what the journal lacks; returns all its entries.

        Raises:
            UsageError: the folder holds the beginning of another corpus, or too few candidates are
                good enough.
        """
        _sweep(self.out)
        entries = read_journal(self.out / JOURNAL, how)
        with (self.out / JOURNAL).open("ab") as log, ThreadPoolExecutor(self.jobs) as pool:
            if log.tell() == 0:
                log.write(msgspec.json.encode(how) + b"\n")
            for future in self._begun(generators, data, entries, pool):
                entry = future.result()
                log.write(msgspec.json.encode(entry) + b"\n")
                log.flush()
                entries.append(entry)
        return entries

    def _begun(
        self,
        generators: Sequence[Generator],
        data: Data,
        done: list[Entry],
        pool: ThreadPoolExecutor,
    ) -> Iterator["Future[Entry]"]:
        """The candidates that `done` lacks, in order, each begun before it is asked for."""
        seen = {row.pair for entry in done for row in entry.rows}
        good = sum(1 for entry in done if entry.rows)
        waiting: deque[Future[Entry]] = deque()
        keys = range(len(done), CANDIDATES * self.plan.count + PILOT)
        found = candidates(generators, data, self.plan, keys, seen)
        while good < self.plan.count:
            key, place, pair = next(found, (0, 0, None))
            if pair is None:
                yield from waiting
                raise UsageError(f"only {good} of {self.plan.count} are good: {tally(done)}")
            generator = generators[place]
            if not isinstance(pair, str) and not self.plan.allow_confounds:
                pair = too_poor(pair, generator) or pair
            if isinstance(pair, str):
                waiting.append(pool.submit(Entry, refused=pair))
            else:
                seen |= {item.pair for item in pair}
                good += 1
                waiting.append(pool.submit(self.write_pair, generator, key, pair))
            while waiting and (waiting[0].done() or len(waiting) > AHEAD * self.jobs):
                yield waiting.popleft()
        yield from waiting

    def write_pair(self, generator: Generator, key: int, pair: tuple[Item, Item]) -> Entry:
        """Encode a real medium and its counterpart alike; each appears whole or not at all."""
        form = form_of(generator.modality)
        codec = form.codec(self.plan, item_rng(self.plan.seed, key, CODEC))
        rows: list[Row] = []
        headers = []
        for made, item in enumerate(pair):
            label = label_of(item.kind) if made else "real"
            row = Row(
                path=f"{label}/{key:06d}{codec.suffix}",
                label=label,
                source=item.source,
                split=item.split,
                pair=item.pair,
                kind=item.kind,
                origin=item.origin,
                licence=item.licence,
            )
            if made:
                row = msgspec.structs.replace(
                    row,
                    generator=generator.name,
                    family=generator.family,
                    seed=str(self.plan.seed),
                    config_sha256=generator.config.sha256(),
                    mask=self._write_mask(key, item.mask),
                    spans=spans_text(item.spans),
                )
            encoded = codec.encode(item.media)
            headers.append(form.header(encoded))
            shown = made and isinstance(generator, Transformer)
            original = self.out / rows[0].path if shown else None
            content = self._write_file(row.path, encoded, generator if made else None, original)
            digest = hashlib.sha256(content).hexdigest()
            rows.append(msgspec.structs.replace(row, sha256=digest, bytes=len(content)))
        return Entry(rows=rows, headers=headers)

    def _write_file(
        self,
        path: str,
        content: bytes,
        maker: Generator | None = None,
        original: Path | None = None,
    ) -> bytes:
        """Write one file, signed where a generator made it; returns what it holds."""
        target = self.out / path
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f".{target.name}.part")  # signing may use the name without the dot
        part.write_bytes(content)
        if maker is None or self.signer is None:
            part.replace(target)
            return content
        sign_made(part, target, self.signer, maker, original)
        part.unlink()
        return target.read_bytes()

    def _write_mask(self, key: int, mask: Array | None) -> str:
        if mask is None:
            return ""
        path = f"masks/{key:06d}.png"
        self._write_file(path, MASK.encode(mask))
        return path


def read_journal(journal: Path, how: dict[str, Any]) -> list[Entry]:
    """The finished candidates; a last line that a kill cut off is cut away."""
    if not journal.is_file():
        return []
    lines = journal.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        journal.write_bytes(b"".join(lines))
    if lines and json.loads(lines[0]) != how:
        raise UsageError(f"{journal.parent} holds the beginning of another corpus")
    return [msgspec.json.decode(line, type=Entry) for line in lines[1:]]


def tally(entries: Sequence[Entry]) -> dict[str, int]:
    """How many candidates were left out, by reason."""
    words = [entry.refused for entry in entries if entry.refused]
    return {word: words.count(word) for word in sorted(set(words))}


def _sweep(out: Path) -> None:
    """Remove what a killed writer left half done."""
    for left in [*out.glob("*/*.part"), *out.glob("*/.verascope-*")]:
        shutil.rmtree(left) if left.is_dir() else left.unlink()
