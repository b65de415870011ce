"""Real texts to train on: lines of JSON, or files; and composed ones for tests and demos.

A text's media is its code points, uint32 [n], so that texts pass through items, pairs and hashes
like pictures and sound.
"""

import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Array, Data, Item, item_rng
from verascope.generate.files import Files, digest_of
from verascope.generate.manifest import Row
from verascope.generate.members import Place
from verascope.result import Reason

LINES = (".jsonl", ".jsonl.gz")
MAX_BYTES = 50_000_000  # of one text, or of one line
MAX_TOTAL_BYTES = 4_000_000_000  # of a folder's lines
HELD_OUT_EVERY = 20  # of the texts, by their hash; never trained on, for `evaluate`
SAME = 160  # letters at the start of two texts that make them the same
MIN_CHARACTERS = 30


def as_media(text: str) -> NDArray[np.uint32]:
    """A text's code points, uint32 [n]."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def as_text(media: Array) -> str:
    """The text of code points, uint32 [n]."""
    return np.ascontiguousarray(media, np.uint32).tobytes().decode("utf-32-le", "surrogatepass")


class Texts(Files):
    """Texts as uint32 [n], code points."""

    suffixes: ClassVar[frozenset[str]] = frozenset({".txt"})
    types: ClassVar[str] = "text/"
    noun: ClassVar[str] = "texts"

    def __init__(
        self,
        root: Path,
        rows: Sequence[Row],
        sha256: str,
        where: Mapping[str, Place],
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """`texts` by path, where they are lines of a file and not files."""
        super().__init__(root, rows, sha256, where)
        self._texts = texts

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The real train texts of the folder's .jsonl and .jsonl.gz, else its .txt as Files.open.

        A line has `text`, and where they are known the fields of a manifest's row and `language`;
        without `split` the file's name is it. Of several languages the most frequent alone is
        taken, and no text that was attacked.

        Raises:
            UsageError: there is none, or a line cannot be read.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
        files = sorted(file for file in folder.iterdir() if file.name.endswith(LINES))
        if not files:
            return super().open(folder)
        found = [line for file in files for line in _lines(file)]
        common = Counter(line.language for line in found).most_common(1)
        lines = [line for line in found if line.language == common[0][0]]
        if not lines:
            raise UsageError(f"{folder} holds no real train {cls.noun}")
        rows = [line.row for line in lines]
        texts = {line.row.path: line.text for line in lines}
        return cls(folder, rows, digest_of(rows), {}, texts)

    @staticmethod
    def decode(place: Place) -> NDArray[np.uint32]:
        """A .txt file's code points.

        Raises:
            InputTrouble: it cannot be read, is not UTF-8, or has over 50 MB.
        """
        try:
            if place.size > MAX_BYTES:
                raise InputTrouble(Reason.TOO_LARGE)
            return as_media(place.read().decode("utf-8"))
        except OSError as error:
            raise InputTrouble(Reason.NOT_FOUND, str(error)) from error
        except UnicodeDecodeError as error:
            raise InputTrouble(Reason.CORRUPT, "not UTF-8") from error

    def _media(self, index: int) -> Array:
        if self._texts is None:
            return super()._media(index)
        return as_media(self._texts[self.rows[index].path])

    def _of(self, rows: Sequence[Row]) -> Self:
        return type(self)(self.root, rows, digest_of(rows), self._where, self._texts)


class Line(NamedTuple):
    """One usable line of a file of texts."""

    row: Row
    text: str
    language: str


class Learned(NamedTuple):
    """What a family learns from, and what it never sees; no text twice."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def learned(data: Data) -> Learned:
    """The texts of some data without repetitions; one in twenty, by its hash, is held out.

    Raises:
        UsageError: there is no text of 30 characters or more.
    """
    seen: set[str] = set()
    train: list[str] = []
    held_out: list[str] = []
    for index in range(len(data)):
        try:
            text = as_text(data[index].media).replace("\r\n", "\n").strip()
        except InputTrouble:
            continue
        start = re.sub(r"\W+", "", text).lower()[:SAME]
        if len(text) < MIN_CHARACTERS or start in seen:
            continue
        seen.add(start)
        place = int.from_bytes(hashlib.sha256(start.encode("utf-8", "replace")).digest()[:4], "big")
        (train if place % HELD_OUT_EVERY else held_out).append(text)
    if not train:
        raise UsageError(f"no text of {MIN_CHARACTERS} characters or more to learn from")
    return Learned(tuple(train), tuple(held_out))


def _lines(file: Path) -> Iterator[Line]:
    split = file.name.removesuffix(".gz").removesuffix(".jsonl")
    total = 0
    try:
        with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as lines:
            number = 0
            while content := lines.readline(MAX_BYTES):
                number, total = number + 1, total + len(content)
                if total > MAX_TOTAL_BYTES:
                    raise UsageError(f"{file} holds over {MAX_TOTAL_BYTES:,} bytes")
                line = _line(content, f"{file.name}:{number}", split, f"{file}:{number}")
                if line is not None:
                    yield line
    except (OSError, EOFError) as error:
        raise UsageError(f"{file}: {error}") from error


def _line(content: bytes, name: str, split: str, where: str) -> Line | None:
    """A real, unattacked train text, or None."""
    try:
        facts = msgspec.json.decode(content, type=dict[str, Any])
        text = facts.get("text")
        if not isinstance(text, str):
            raise UsageError(f"{where}: has no text")
        known = {k: facts[k] for k in Row.__struct_fields__ if facts.get(k) is not None}
        own = {"label": "real", "source": "unknown", "split": split, **known, "path": name}
        row = msgspec.convert(own, Row, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{where}: {error}") from error
    kept = row.split in ("train", "texts", "manifest") or ("split" not in facts and split != "dev")
    if row.label != "real" or not kept or facts.get("attack") or not text.strip():
        return None
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    row = msgspec.structs.replace(row, split="train", sha256=digest)
    return Line(row, text, str(facts.get("language") or "en"))


WHO = ("The baker", "A young teacher", "Our neighbour", "The old sailor", "My sister", "The doctor")
DID = ("opened", "painted", "forgot", "carried", "repaired", "described", "sold", "found")
WHAT = ("the blue door", "a wooden boat", "two letters", "the long road", "an apple tree", "a map")
WHEN = ("before noon", "in the rain", "last summer", "without a word", "on Monday", "at the market")


def example_texts(n: int = 24, sentences: int = 12) -> list[Item]:
    """Composed texts for tests and demos: no file is needed."""
    items = []
    for key in range(n):
        rng = item_rng(0, key)
        said = [
            " ".join(words[int(rng.integers(len(words)))] for words in (WHO, DID, WHAT, WHEN)) + "."
            for _ in range(sentences)
        ]
        media = as_media(" ".join(said))
        items.append(
            Item(media=media, key=key, pair=f"example-{key}", source="composed", licence="CC0")
        )
    return items


def whole_words(text: str, most: int) -> str:
    """At most so many characters, cut at the last space where there is one."""
    if len(text) <= most:
        return text.rstrip() or text
    head = text[: most + 1]
    cut = max(head.rfind(" "), head.rfind("\n"))
    return (head[:cut] if cut > most // 2 else head[:most]).rstrip() or head[:most]
