"""What detectors of watermarks heard becomes a mark, which moves no verdict, or nothing."""

from pathlib import Path

import numpy as np
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


def test_installed_detectors_listen_to_windows(
    sound_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only to windows that are long enough for them."""
    from verascope.detect.sound_watermark import Listeners
    from verascope.generate.sounds import example_sounds

    monkeypatch.setenv("VERASCOPE_MODELS", str(sound_home))
    listeners = Listeners(("CPUExecutionProvider",), 1)
    samples = np.resize(example_sounds()[0].media, 32_000).astype(np.int16)
    (heard,) = listeners.hear(samples[None])
    assert heard.name == "perth"
    assert np.isfinite(heard.confidences).all()
    assert listeners.hear(np.zeros((1, 10), np.int16)) == ()
