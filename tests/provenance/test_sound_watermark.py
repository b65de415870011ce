"""What detectors of watermarks heard becomes a mark, which moves no verdict, or nothing."""

import pytest

from verascope.provenance.marks import declares_ai, evidence
from verascope.provenance.sound_watermark import watermark
from verascope.result import Supports


def test_a_mark_is_told_and_declares_nothing() -> None:
    marks = watermark("perth", [0.99, 0.9])
    (item,) = evidence(marks)
    assert item.supports is Supports.NEUTRAL and "2 clips" in item.statement
    assert declares_ai(marks) is None


@pytest.mark.parametrize("heard", [[], [0.0, 0.3], [0.99, 0.1], [float("nan")]])
def test_what_is_not_heard_is_no_evidence(heard: list[float]) -> None:
    assert watermark("perth", heard) == ()
