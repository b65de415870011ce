"""Text corpora to items: JSON Lines, plain or gzip, or files below real/ and synthetic/.

A line has `text` and `label` (real, synthetic), and where they are known the other fields of a
manifest's row, `language` and `attack`; without `split`, the file's name is it.
"""

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from verascope.detect.text_windows import scrub
from verascope.errors import UsageError
from verascope.generate.manifest import Row
from verascope.media.clean_text import clean
from verascope.train.corpora import Corpus, Item

LINES = (".jsonl", ".jsonl.gz")
LABELS = ("real", "synthetic")
CHAT = "llm"  # the family of models that follow instructions
TRANSLATION = "-translation"  # ends the kind of a translation, a person's or a machine's
BUCKETS = (100, 200, 400, 800)  # characters


@dataclass(frozen=True)
class TextItem(Item):
    """One text of a corpus.

    Attributes:
        text: as it is judged: cleaned and scrubbed.
        raw: as it stands in the corpus.
        language: its code, as in ISO 639-1.
        attack: what was done to hide where it comes from, if anything.
    """

    text: str = ""
    raw: str = ""
    language: str = "en"
    attack: str = ""

    @property
    def style(self) -> str:
        """Its length, coarsely."""
        low = max((edge for edge in (0, *BUCKETS) if len(self.text) >= edge), default=0)
        high = next((edge for edge in BUCKETS if edge > low), None)
        return f"{low} to {high - 1} characters" if high else f"from {low} characters on"

    @property
    def apart(self) -> str:
        """The family, where it is outside the headline."""
        return self.row.family

    @property
    def chat(self) -> bool:
        """Whether a model that follows instructions wrote it."""
        return self.row.label == "synthetic" and self.row.family in ("", CHAT)

    @property
    def covered(self) -> bool:
        """Whether it is of the kind that is judged and trained on: English, and no translation."""
        return self.language == "en" and not self.row.kind.endswith(TRANSLATION)


def read_texts(folders: Iterable[Path], split: str | None) -> list[Corpus]:
    """The texts of one split, or of all, of some corpora; their items are TextItems.

    Raises:
        UsageError: a folder holds no texts, or a line of it is none.
    """
    return [_read(folder, split) for folder in folders]


def covered(corpora: Iterable[Corpus]) -> list[TextItem]:
    """The covered texts of all corpora, in a fixed order."""
    items = (item for corpus in corpora for item in corpus.items)
    return [item for item in items if isinstance(item, TextItem) and item.covered]


def _read(folder: Path, split: str | None) -> Corpus:
    files = sorted(file for file in folder.iterdir() if file.name.endswith(LINES))
    rows = [row for file in files for row in _lines(file)] if files else list(_plain(folder))
    if not rows:
        raise UsageError(f"{folder} holds no .jsonl of texts, and no .txt below real/, synthetic/")
    digest = hashlib.sha256(b"".join(msgspec.json.encode(row) for _, _, row in rows)).hexdigest()
    items = (_item(*row) for row in rows if split is None or row[2].get("split") in ("", split))
    return Corpus(folder.resolve().name, digest, tuple(items))


def _lines(file: Path) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    name = file.name.removesuffix(".gz").removesuffix(".jsonl")
    open_ = gzip.open if file.suffix == ".gz" else open
    with open_(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{file}:{number}"
            try:
                row = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as error:
                raise UsageError(f"{where}: {error}") from error
            yield file, where, {"split": name, **row}


def _plain(folder: Path) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for label in LABELS:
        for file in sorted((folder / label).rglob("*.txt")):
            source = file.relative_to(folder / label).parts[0]
            row = {"text": file.read_text("utf-8"), "label": label, "id": file.name, "split": ""}
            yield file, str(file), row | {"source": label if source == file.name else source}


def _item(file: Path, where: str, row: dict[str, Any]) -> TextItem:
    raw, language, attack = (row.get(name) for name in ("text", "language", "attack"))
    if not isinstance(raw, str) or row.get("label") not in LABELS:
        raise UsageError(f"{where}: needs a text, and a label of {', '.join(LABELS)}")
    known = {name: row[name] for name in Row.__struct_fields__ if row.get(name) is not None}
    facts = {
        "source": "unknown",
        "path": str(row.get("id") or where.rpartition("/")[2]),
        "sha256": hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest(),
    }
    try:
        found = msgspec.convert(facts | known, Row, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {error}") from error
    cleaned = clean(raw)
    return TextItem(
        file,
        found,
        headline=found.label == "real" or found.family in ("", CHAT),  # rewrites are a grey zone
        text=scrub(cleaned.text, cleaned.origins).text,
        raw=raw,
        language=str(language or "en"),
        attack=str(attack or ""),
    )
