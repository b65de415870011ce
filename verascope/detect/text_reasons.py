"""What speaks for a machine in a text, in words: the turns and the habits that weigh most.

Each view is linear, so that what it owes to one turn or one habit can be read off. It tells what
moved the score, not what a machine did: people write so too.
"""

import re

import numpy as np

from verascope.detect.style import NAMES, style
from verascope.detect.text_batch import TextBatch
from verascope.detect.text_tables import CHAT, TextTables

MOST_TURNS, MOST_HABITS = 4, 2
LEAST_SHARE = 0.5  # of a standard deviation's effect that a habit must have to be named
TOKENS = re.compile(r"[\w']+|[^\w\s]")
# Habits by feature: where there is less of it than usual, and where there is more.
HABITS = {
    "sentence_length_spread": ("sentences are all about as long", "sentences vary much in length"),
    "word_length": ("words are short", "words are long"),
    "long_words": ("few long words", "many long words"),
    "distinct": ("few different words", "many different words"),
    "repeated_pairs": ("hardly a turn comes twice", "turns are repeated"),
    "sentence_length": ("sentences are short", "sentences are long"),
    "mark ,": ("few commas", "many commas"),
    "mark !": ("no exclamations", "many exclamations"),
    "mark ?": ("no questions", "many questions"),
    "mark '": ("few contractions", "many contractions"),
    "digits": ("few digits", "many digits"),
    "capitals": ("few capitals", "many capitals"),
    "ends_whole": ("it breaks off", "it ends with a full stop"),
}


def reasons(tables: TextTables, text: str) -> tuple[str, ...]:
    """What weighs most for a machine in a text, in words; nothing where nothing stands out."""
    batch = TextBatch([text])
    turns, habits = _turns(tables, batch), _habits(tables, batch)
    found = []
    if turns:
        found.append("turns that chat models use more than people: " + ", ".join(turns))
    if habits:
        found.append("habits of chat models: " + ", ".join(habits))
    return tuple(found)


def _turns(tables: TextTables, batch: TextBatch) -> list[str]:
    """The pairs of words that add most, as they are read, each once."""
    words = TOKENS.findall(batch.texts[0].lower())
    if len(words) != len(batch.words.hashes):  # letters that are split otherwise: rare
        return []
    model = tables.views.words
    columns = (batch.words.pairs().hashes >> np.uint64(64 - model.bits)).astype(np.int64)
    weights = model.weights[CHAT][columns].astype(float) * model.rarity[columns]
    found: dict[str, float] = {}
    for at in np.argsort(-weights):
        pair = words[at : at + 2]
        if weights[at] <= 0 or len(found) == MOST_TURNS:
            break
        if all(word[0].isalpha() for word in pair):
            found.setdefault("“" + " ".join(pair) + "”", weights[at])
    return list(found)


def _habits(tables: TextTables, batch: TextBatch) -> list[str]:
    """The features of style that add most, in words."""
    model = tables.views.style
    far = model.standard(style(batch))[0]
    effect = far * model.weights[CHAT]
    least = LEAST_SHARE * float(np.abs(model.weights[CHAT]).mean())
    found: list[str] = []
    for at in np.argsort(-effect):
        if effect[at] < least or len(found) == MOST_HABITS:
            break
        if NAMES[at] in HABITS:
            found.append(HABITS[NAMES[at]][int(far[at] > 0)])
    return found
