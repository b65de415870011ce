"""What every registered detector must do; a new one gets these tests for nothing."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from verascope.detect import registry
from verascope.detect.contract import Array, Detector, Estimate
from verascope.result import Modality

NAMES = list(registry.entries())
HOMES = {  # fixtures with the encoders
    "image-clip": "clip_home",
    "audio-encoders": "sound_home",
    "text-smollm": "text_home",
}


@pytest.fixture(scope="module", params=NAMES)
def detector(request: pytest.FixtureRequest) -> Iterator[Detector]:
    with pytest.MonkeyPatch.context() as patch:
        if home := HOMES.get(request.param):
            patch.setenv("VERASCOPE_MODELS", str(request.getfixturevalue(home)))
        yield registry.create(request.param)


def media(detector: Detector) -> list[Array]:
    """The examples, and for pictures odd shapes cut from them."""
    examples = detector.examples()
    if detector.modality is not Modality.IMAGE:
        return examples
    tile = np.tile(examples[0], (6, 4, 1))
    least = detector.min_side
    shapes = [(least, least), (least, 5 * least), (900, 700), (191, 193), (197, 640)]
    return [*examples, *(np.ascontiguousarray(tile[:h, :w]) for h, w in shapes)]


def test_it_fulfils_the_protocol(detector: Detector) -> None:
    assert isinstance(detector, Detector)
    assert detector.version
    assert len(detector.sha256) == 64
    assert detector.max_batch >= 1
    assert detector.examples()


def test_windows_are_bounded_deterministic_and_hold_raw_samples(detector: Detector) -> None:
    for medium in media(detector):
        one, again = detector.windows(medium), detector.windows(medium)
        assert one.values.dtype in (np.uint8, np.int16)
        assert 1 <= len(one.values) == len(one.places)
        assert one.values.nbytes <= 50_000_000
        assert (one.values == again.values).all()
        assert (one.places == again.places).all()


def test_windows_lie_inside_the_picture(detector: Detector) -> None:
    if detector.modality is not Modality.IMAGE:
        pytest.skip("places are spans, not boxes")
    for medium in media(detector):
        height, width = medium.shape[:2]
        for x, y, w, h in detector.windows(medium).places:
            assert 0 <= x <= x + w <= width
            assert 0 <= y <= y + h <= height


def test_windows_need_no_inference_library(detector: Detector) -> None:
    """They are cut in the isolated worker, where onnxruntime must not be."""
    code = (
        "import sys, numpy as np; from verascope.detect import registry;"
        f"d = registry.create({detector.name!r});"
        "d.windows(np.zeros((300, 300, 3), np.uint8));"
        "assert 'onnxruntime' not in sys.modules"
    )
    if detector.modality is Modality.IMAGE:
        subprocess.run([sys.executable, "-c", code], check=True)


def test_scores_do_not_depend_on_the_batch(detector: Detector) -> None:
    values = np.concatenate([detector.windows(m).values for m in media(detector)])
    together = detector.score(values)
    alone = np.concatenate([detector.score(values[i : i + 1]) for i in range(len(values))])
    assert together.dtype == np.float32
    assert together.shape == (len(values),)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_array_equal(together, detector.score(values))


def test_a_picture_becomes_a_calibrated_score_with_segments(detector: Detector) -> None:
    for medium in media(detector):
        windows = detector.windows(medium)
        logits = detector.score(windows.values)
        estimate = detector.calibrate(detector.pool(logits))
        assert isinstance(estimate, Estimate)
        assert 0 <= estimate.interval[0] <= estimate.score <= estimate.interval[1] <= 1
        segments = detector.segments(windows, logits)
        if detector.modality is not Modality.TEXT:  # its segments are sentences
            assert [s.logit for s in segments] == pytest.approx(logits.tolist())
        assert all((s.box is None) != (s.span is None) for s in segments)


def test_calibration_rises_with_the_logit_and_points_are_in_order(detector: Detector) -> None:
    scores = [detector.calibrate(logit).score for logit in np.linspace(-9, 9, 37)]
    assert all(low <= high for low, high in pairwise(scores))
    precise, broad = detector.operating_points
    assert (precise.name, broad.name) == ("high_precision", "high_recall")
    assert precise.threshold >= broad.threshold
    assert precise.false_positive_rate <= broad.false_positive_rate
    assert 0 < detector.prior < 1


def test_an_unloaded_detector_can_be_sent_to_another_process(detector: Detector) -> None:
    fresh = registry.create(detector.name)
    sent = pickle.loads(pickle.dumps(fresh))
    example = detector.examples()[0]
    assert (sent.windows(example).values == detector.windows(example).values).all()
