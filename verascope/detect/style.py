"""Stylometry: how a text is written, in numbers that know no topic.

Rates of marks and kinds of characters, lengths of words and sentences and how much they vary,
richness of vocabulary, and how often common English words are used (Mosteller and Wallace 1963;
Stamatatos 2009 reviews the rest).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from verascope.detect.text_batch import Floats, Ints, TextBatch
from verascope.media.hashes import Hashes

MARKS = ".,;:!?'\"-()#<&/*"
_LIST = """
the of and to a in that is it for was on with as be by at this have from or not are but had his
they i an we you he she her their which one all would there been if more when will so no my me
out up what about who than into can has its also these just very however while such like get
really think because don't it's i'm overall additionally ensure important
"""
COMMON = tuple(_LIST.split())
NAMES = (
    "log_length", "letters", "capitals", "digits", "beyond_ascii",
    *(f"mark {mark}" for mark in MARKS),
    "words", "word_length", "word_length_spread", "long_words", "short_words",
    "distinct", "once", "repeated_pairs",
    "sentences", "sentence_length", "sentence_length_spread", "capital_starts", "ends_whole",
    *(f"word {word}" for word in COMMON),
)  # fmt: skip


def style(batch: TextBatch) -> NDArray[np.float32]:
    """Each text's features, float32 [n, len(NAMES)]; rates are per character or per word."""
    columns = [*_characters(batch), *_marks(batch), *_words(batch), *_sentences(batch)]
    return np.concatenate([np.stack(columns, 1), _common(batch)], 1).astype(np.float32)


def _characters(batch: TextBatch) -> list[Floats]:
    points = batch.points
    lower = (points >= 97) & (points <= 122)
    upper = (points >= 65) & (points <= 90)
    digits = (points >= 48) & (points <= 57)
    kinds = (lower | upper, upper, digits, points > 127)
    return [np.log(batch.lengths), *(batch.mean(kind.astype(float)) for kind in kinds)]


def _marks(batch: TextBatch) -> list[Floats]:
    return [np.sqrt(batch.mean((batch.points == ord(mark)).astype(float))) for mark in MARKS]


def _words(batch: TextBatch) -> list[Floats]:
    owner, lengths = _runs(batch)
    count = np.maximum(np.bincount(owner, minlength=len(batch)), 1)
    mean = np.bincount(owner, lengths, len(batch)) / count
    spread = np.sqrt(np.maximum(np.bincount(owner, lengths**2, len(batch)) / count - mean**2, 0))
    shares = [
        np.bincount(owner, kind.astype(float), len(batch)) / count
        for kind in (lengths >= 8, lengths <= 3)
    ]
    single, pairs = batch.words, batch.words.pairs()
    distinct, once = _variety(single.owner, single.hashes, len(batch))
    other, _ = _variety(pairs.owner, pairs.hashes, len(batch))
    total = np.maximum(np.bincount(single.owner, minlength=len(batch)), 1)
    number = np.bincount(pairs.owner, minlength=len(batch))
    return [
        count / batch.lengths, mean, spread, *shares,
        distinct / np.sqrt(total), once / np.maximum(distinct, 1),
        1 - other / np.maximum(number, 1),
    ]  # fmt: skip


def _runs(batch: TextBatch) -> tuple[Ints, Floats]:
    """Runs of ASCII letters: whose each is, and how long."""
    points = batch.points | np.uint64(32)
    letter = (points >= 97) & (points <= 122)
    begins = letter & ((batch.place == 0) | ~np.append(False, letter[:-1]))
    number = np.cumsum(begins)[letter] - 1
    return batch.owner[begins], np.bincount(number, minlength=int(begins.sum())).astype(float)


def _variety(owner: Ints, hashes: Hashes, texts: int) -> tuple[Floats, Floats]:
    """How many different words each text has, and how many of them once."""
    keys = np.stack((owner.astype(np.uint64), hashes), 1)
    kept, number = np.unique(keys, axis=0, return_counts=True) if len(keys) else (keys, owner)
    whose = kept[:, 0].astype(np.int64)
    return (
        np.bincount(whose, minlength=texts).astype(float),
        np.bincount(whose[number == 1], minlength=texts).astype(float),
    )


def _sentences(batch: TextBatch) -> list[Floats]:
    """Sentences end in a stop before a space, or with the text."""
    points = batch.points
    stop = (points == 46) | (points == 33) | (points == 63)
    last = batch.place == batch.lengths[batch.owner] - 1
    ends = (stop & np.append(points[1:] == 32, True)) | last
    at = np.flatnonzero(ends)
    lengths = np.diff(np.append(-1, at)).astype(float)
    owner = batch.owner[at]
    count = np.bincount(owner, minlength=len(batch))
    mean = np.bincount(owner, lengths, len(batch)) / count
    spread = np.sqrt(np.maximum(np.bincount(owner, lengths**2, len(batch)) / count - mean**2, 0))
    starts = np.flatnonzero(np.append(True, ends[:-1]))
    first = points[np.minimum(starts + (points[starts] == 32), len(points) - 1)]
    capital = np.bincount(owner, ((first >= 65) & (first <= 90)).astype(float), len(batch)) / count
    whole = stop[batch.starts + batch.lengths - 1].astype(float)
    return [count / batch.lengths, np.log(mean), np.log1p(spread), capital, whole]


def _common(batch: TextBatch) -> Floats:
    """Square roots of each common word's share of all words, float64 [n, len(COMMON)]."""
    keys, column = _table()
    words = batch.words
    at = np.minimum(np.searchsorted(keys, words.hashes), len(keys) - 1)
    hit = keys[at] == words.hashes
    cells = words.owner[hit] * len(COMMON) + column[at[hit]]
    counts = np.bincount(cells, minlength=len(batch) * len(COMMON)).reshape(len(batch), -1)
    total = np.maximum(np.bincount(words.owner, minlength=len(batch)), 1)
    rates: Floats = np.sqrt(counts / total[:, None])
    return rates


@cache
def _table() -> tuple[Hashes, Ints]:
    """Hashes of the common words, sorted, and the column of each."""
    hashes = TextBatch(COMMON).words.hashes
    order = np.argsort(hashes)
    return hashes[order], order
