"""The models in the package: the right files, the stored scores, a card that is theirs."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from verascope.detect import image_residual, registry
from verascope.detect.contract import Detector
from verascope.detect.model_folder import CARD, GRAPH, REFERENCE, TABLES, ModelFolder
from verascope.errors import ModelError
from verascope.result import Modality
from verascope.train.card import card

MODELS = sorted(
    file.parent for file in (Path(image_residual.__file__).parent / "models").glob("*/model.json")
)
LARGEST_BYTES = 4_000_000
INT8_TOLERANCE = 0.05  # of a logit: other processors round some activations the other way

NEARLY_LINEAR_TOLERANCE = 0.02  # likewise: large weights cancel each other in single precision


@pytest.fixture(params=MODELS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def weights_of(folder: Path) -> Path:
    """The file that runs: a graph, or tables."""
    return folder / (GRAPH if (folder / GRAPH).exists() else TABLES)


def detector_of(folder: Path) -> Detector:
    return registry.create(str(folder))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / folder.name)


def test_the_graph_is_the_one_described(folder: Path) -> None:
    graph = weights_of(folder).read_bytes()
    assert hashlib.sha256(graph).hexdigest() == ModelFolder(folder).description.sha256
    assert len(graph) <= LARGEST_BYTES


def test_stored_windows_still_get_their_logits(
    folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refactoring, another runtime or a wrong kernel must not move scores unseen."""
    tolerance = 1e-3
    described = ModelFolder(folder).description
    if described.encoder is not None:
        monkeypatch.setenv("VERASCOPE_MODELS", str(request.getfixturevalue("clip_home")))
        tolerance = INT8_TOLERANCE
    if described.encoders:
        home = "text_home" if described.modality is Modality.TEXT else "sound_home"
        monkeypatch.setenv("VERASCOPE_MODELS", str(request.getfixturevalue(home)))
        tolerance = NEARLY_LINEAR_TOLERANCE
    windows, logits = ModelFolder(folder).reference()
    np.testing.assert_allclose(detector_of(folder).score(windows), logits, atol=tolerance)
    assert np.ptp(logits) > 0.1


def test_a_tampered_graph_is_refused(copy: Path) -> None:
    data = bytearray(weights_of(copy).read_bytes())
    data[len(data) // 2] ^= 1
    weights_of(copy).write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        detector_of(copy).load()


def test_a_tampered_reference_is_refused_and_an_older_folder_without_its_hash_loads(
    copy: Path,
) -> None:
    data = bytearray((copy / REFERENCE).read_bytes())
    data[-1] ^= 1
    (copy / REFERENCE).write_bytes(data)
    with pytest.raises(ModelError, match="reference"):
        ModelFolder(copy).reference()
    data[-1] ^= 1
    (copy / REFERENCE).write_bytes(data)
    described = json.loads((copy / "model.json").read_bytes())
    del described["reference_sha256"]
    (copy / "model.json").write_text(json.dumps(described))
    assert len(ModelFolder(copy).reference()) == 2


@pytest.mark.parametrize("missing", ["weights", "model.json"])
def test_an_incomplete_folder_is_refused(copy: Path, missing: str) -> None:
    runner: Callable[[Path], Detector] = type(detector_of(copy))
    missing = weights_of(copy).name if missing == "weights" else missing
    (copy / missing).unlink()
    with pytest.raises(ModelError, match=missing):
        runner(copy).load()


def test_a_description_of_another_schema_is_refused(copy: Path) -> None:
    runner: Callable[[Path], Detector] = type(detector_of(copy))
    (copy / "model.json").write_text('{"name": "x"}')
    with pytest.raises(ModelError, match="version"):
        _ = runner(copy).version


def test_the_card_is_generated_from_the_description(folder: Path) -> None:
    assert (folder / CARD).read_text("utf-8") == card(ModelFolder(folder).description)


def test_the_description_is_honest(folder: Path) -> None:
    """Corpus by its hash, every figure with interval and null, no path of the training machine."""
    description = ModelFolder(folder).description
    assert all(len(c["manifest_sha256"]) == 64 for c in description.training["corpora"])
    for split in ("leave_sources_out", "dev"):
        headline = next(iter(description.metrics[split]["discrimination"].values()))
        for key in ("auroc", "null", "eer", "tpr_at_1", "tpr_at_5"):
            low, high = headline[key]["interval"]
            assert low <= headline[key]["value"] <= high
    assert b"/work" not in (folder / "model.json").read_bytes()
    if description.modality is not Modality.TEXT:  # whose tables are addressed, not multiplied
        assert description.parameters <= 1_000_000
