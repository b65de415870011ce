from pathlib import Path

import pytest

from verascope.detect import registry
from verascope.errors import UsageError


def test_an_unknown_name_lists_its_neighbours() -> None:
    with pytest.raises(UsageError, match="did you mean image-residual"):
        registry.create("image-residul")


def test_a_model_folder_is_a_detector_by_its_path() -> None:
    folder = Path(registry.__file__).parent / "models" / "image-residual"
    assert registry.create(str(folder)).name == "image-residual"


def test_two_packages_may_not_share_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    point = metadata.EntryPoint("image.image-residual", "other:Thing", registry.ENTRY_POINTS)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [point])
    registry.entries.cache_clear()
    with pytest.raises(UsageError, match="two detectors"):
        registry.entries()
    monkeypatch.undo()
    registry.entries.cache_clear()
