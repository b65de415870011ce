"""Texts as detectors see them: windows, hashes, language models, reasons."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verascope.detect import text_windows
from verascope.detect.char_models import log_probabilities
from verascope.detect.style import NAMES, style
from verascope.detect.text_batch import TextBatch
from verascope.detect.text_style import TextStyle
from verascope.detect.text_tables import dumps, loads
from verascope.detect.text_windows import UNITS, scrub, sentences, texts, windows
from verascope.media.clean_text import clean
from verascope.train.char_models import count

HUMAN = (
    "ok so the bus never came, we walked the last nine miles in the rain and my left boot let "
    "water in. mum laughed. i did not, at least not till the chips turned up."
)
CHATTY = (
    "In conclusion, it is important to consider a wide range of perspectives. By fostering open "
    "dialogue and embracing innovation, communities can ensure a brighter future for everyone "
    "involved, while also addressing the unique challenges that lie ahead."
)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(st.lists(WORDS, min_size=1, max_size=200))
def test_windows_hold_the_whole_text_in_order(words: list[str]) -> None:
    prose = scrub(clean(". ".join(words)).text)
    cut = windows(prose)
    assert cut.values.shape[1:] == (2, UNITS) and cut.values.dtype == np.int16
    if len(cut.values) < text_windows.MAX_WINDOWS and "\0" not in prose.text:
        assert "".join(texts(cut.values)) == prose.text
    assert (cut.places[:, 0] < cut.places[:, 1]).all()
    assert (cut.places[1:, 0] >= cut.places[:-1, 1]).all()


def test_what_identifies_becomes_a_placeholder() -> None:
    found = scrub(
        "Mail a.b@c.org or  see https://x.y/z?q=1, @someone, u/other (555) 123-4567!"
    ).text
    assert found == "Mail <EMAIL> or see <URL> <USER>, <USER> <PHONE>!"


@given(st.text(max_size=400), st.integers(1, 120))
def test_sentences_cover_a_text_without_gaps(text: str, least: int) -> None:
    spans = sentences(text, least)
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])][: len(spans)]
    assert not text or spans[-1][1] == len(text)
    assert len(spans) < 2 or all(end - start >= least for start, end in spans)


def test_spans_lead_to_the_place_in_the_original() -> None:
    original = "\u200b" + HUMAN + "   \n\n" + CHATTY + "\u200b" + " " + CHATTY
    cleaned = clean(original)
    detector = TextStyle()
    cut = detector.windows(scrub(cleaned.text, cleaned.origins).array())
    segments = detector.segments(cut, detector.score(cut.values))
    assert len(segments) > 3
    best = max(segments, key=lambda segment: segment.score)
    assert best.span is not None
    start, end = map(int, best.span)
    assert original[start:end].strip().strip("\u200b ")[:3] in CHATTY
    assert segments[-1].span is not None and segments[-1].span[1] == len(original)


def test_no_hash_depends_on_what_stands_around() -> None:
    alone, among = TextBatch([HUMAN]), TextBatch([CHATTY, HUMAN, CHATTY])
    mine = among.owner == 1
    for n in range(1, 6):
        whole = alone.place >= n - 1
        np.testing.assert_array_equal(alone.grams(n)[whole], among.grams(n)[mine][whole])
    ours = among.words.owner == 1
    np.testing.assert_array_equal(alone.words.hashes, among.words.hashes[ours])
    np.testing.assert_allclose(style(alone)[0], style(among)[1], rtol=1e-6)
    assert style(alone).shape == (1, len(NAMES))


def test_words_are_the_same_in_any_case() -> None:
    upper, lower = (
        TextBatch([text]).words.hashes for text in ("THE Cat's 2 hats.", "the cat's 2 hats.")
    )
    np.testing.assert_array_equal(upper, lower)
    assert len(lower) == 5


def test_a_language_model_is_a_probability_over_what_it_knows() -> None:
    """Witten and Bell by hand, for the letters after an a in “abac”."""
    batch = TextBatch(["abac"])
    orders = count(batch, np.array([0]), 1, length=2, fewest=1, weights=np.ones(1))
    logs = log_probabilities(orders, TextBatch(["ab"]))[:, 0]
    unigram = {letter: (n + 3 / 5000) / (4 + 3) for letter, n in (("a", 2), ("b", 1), ("c", 1))}
    assert math.exp(logs[0]) == pytest.approx(unigram["a"], rel=1e-2)
    assert math.exp(logs[1]) == pytest.approx((1 + 2 * unigram["b"]) / (2 + 2), rel=1e-2)
    unseen = log_probabilities(orders, TextBatch(["aa"]))[:, 0]
    assert math.exp(unseen[1]) == pytest.approx(2 * unigram["a"] / (2 + 2), rel=1e-2)


def test_tables_come_back_byte_by_byte() -> None:
    data = TextStyle().folder.tables()
    tables = loads(data)
    assert dumps(tables) == dumps(loads(dumps(tables)))
    batch = TextBatch([HUMAN, CHATTY])
    np.testing.assert_array_equal(tables(batch), loads(dumps(tables))(batch))


def test_a_chat_model_scores_above_a_person_and_says_why() -> None:
    detector = TextStyle()
    cut = [detector.windows(scrub(text).array()) for text in (HUMAN, CHATTY)]
    human, chatty = (detector.score(each.values) for each in cut)
    assert chatty[0] > human[0] + 1
    turns, habits = detector.reasons(cut[1], chatty)
    assert "“in conclusion”" in turns and habits.startswith("habits")


def test_a_short_text_never_reaches_the_point_of_precision() -> None:
    detector = TextStyle()
    short = "In conclusion, it is important to ensure a brighter future for everyone."
    assert text_windows.MIN_CHARACTERS < len(short) < text_windows.MIN_DECIDED
    score = detector.calibrate(float(detector.logits([short])[0])).score
    assert score < detector.operating_points[0].threshold
