"""What speech engines say: a user's lines, transcripts of real recordings, or sentences of ours.

Transcripts are a corpus's, of its real recordings of the train split alone: what a detector is
later asked about must not be heard in training.
"""

import csv
from pathlib import Path

from verascope.errors import UsageError
from verascope.generate.contract import Data
from verascope.generate.files import Files
from verascope.generate.manifest import MANIFEST

COLUMNS = ("transcript", "text", "sentence")  # what manifests call it
MAX_CHARACTERS = 400  # of one prompt; an engine's time grows with it
OWN = (
    "The ferry leaves at seven, and the last bus waits for it in the square.",
    "Nobody had told her that the library would be closed on Thursday.",
    "If you boil the beans for too long, the skins come off.",
    "My brother paints houses, mostly yellow ones, along the coast.",
    "Could you read me the number on the back of the meter, please?",
    "Two of the four engines were replaced before the flight.",
    "It rained all morning, so we stayed in and mended the tent.",
    "The committee will publish its report in the second week of March.",
    "He put the kettle on, opened the window and listened to the street.",
    "There is a path behind the mill that floods every spring.",
    "What would you have done with a hundred and fifty chairs?",
    "Prices fell by three percent, which surprised even the buyers.",
    "Turn left after the bakery, then follow the wall as far as the gate.",
    "The old bridge carries trains again, though only at night.",
    "She has kept every letter, and she knows most of them by heart.",
    "Please hold the line; your call is the ninth in the queue.",
    "We measured the depth of the lake with a rope and a stone.",
    "A good knife is short, sharp and never washed with the plates.",
    "They were late again, but this time they had brought cake.",
    "The museum owns six of his drawings and shows none of them.",
    "When the wind turns north you can smell the sugar factory.",
    "I would rather walk home than explain that to the driver.",
    "Our neighbours grow tomatoes on the roof, between the chimneys.",
    "The choir meets on Mondays, except when the hall is let.",
)


def prompts(data: Data, file: Path | None) -> tuple[str, ...]:
    """The lines of `file`; else the transcripts that the data's corpus has; else our own sentences.

    Raises:
        UsageError: the file cannot be read or has no line.
    """
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: {error}") from error
        found = _clean(lines)
        if not found:
            raise UsageError(f"{file} has no line to say")
        return found
    return _clean(_transcripts(data)) or OWN


def _transcripts(data: Data) -> list[str]:
    if not isinstance(data, Files) or not (listed := data.root / MANIFEST).is_file():
        return []
    trained_on = {row.path for row in data.rows if row.split == "train"}
    with listed.open(newline="", encoding="utf-8") as lines:
        records = [r for r in csv.DictReader(lines) if r.get("path") in trained_on]
    return [next((r[c] for c in COLUMNS if r.get(c)), "") for r in records]


def _clean(lines: list[str]) -> tuple[str, ...]:
    """Without what is empty, repeated or too long, in order; blanks single, control signs gone."""
    plain = ("".join(c if c.isprintable() else " " for c in line) for line in lines)
    single = (" ".join(line.split()) for line in plain)
    return tuple(dict.fromkeys(line for line in single if 0 < len(line) <= MAX_CHARACTERS))
