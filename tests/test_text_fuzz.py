"""Any bytes are a text that can be judged, or have a reason; $VERASCOPE_FUZZ sets how many."""

import io
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verascope.detect.text_style import TextStyle
from verascope.errors import InputTrouble
from verascope.media.types import judgeable
from verascope.modality.base import Source
from verascope.modality.text import Text
from verascope.result import Modality
from verascope.settings import Limits, TextInput

pytest.importorskip("fasttext", reason="the extra `text` is not installed")

EXAMPLES = int(os.environ.get("VERASCOPE_FUZZ", "300"))
NAMES = st.sampled_from(["post.txt", "page.html", "notes.md", "-", "x.json", "y.jpg", "README"])
WORDS = st.lists(
    st.sampled_from(
        ["the", "ferry", "was", "late", "<b>", "&amp;", "\u200b", "é", "http://a.b", "“"]
    ),
    max_size=80,
).map(lambda words: " ".join(words).encode())
DETECTOR = TextStyle()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(max_size=400),
        st.text(max_size=400).map(lambda t: t.encode("utf-8", "replace")),
        WORDS,
    ),
    NAMES,
    st.sampled_from([None, "plain", "html", "markdown"]),
)
def test_any_bytes_are_judged_or_have_a_reason(data: bytes, name: str, kind: str | None) -> None:
    how, text = Text(), TextInput(type=kind)
    try:
        media_type, _ = judgeable(data, name, frozenset({Modality.TEXT, Modality.IMAGE}), text)
        if media_type.modality is not Modality.TEXT:
            return
        source = Source(io.BytesIO(data), data, media_type, Limits(), text)
        how.look(source)
        decoded = how.decode(source, None)
        how.check(decoded.medium)
    except InputTrouble:
        return
    cut = how.cut(DETECTOR, decoded.medium)
    logits = DETECTOR.score(cut.values)
    assert np.isfinite(logits).all()
    for segment in DETECTOR.segments(cut, logits):
        assert segment.span is not None and 0 <= segment.span[0] < segment.span[1]
