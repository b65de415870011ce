import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from verascope.errors import MissingExtraError, UsageError
from verascope.generate import registry
from verascope.generate.contract import read_config
from verascope.generate.dcgan import Dcgan, DcganConfig


@pytest.fixture(autouse=True)
def fresh() -> None:
    registry.entries.cache_clear()


def third_party(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    points = [EntryPoint(name, value, registry.ENTRY_POINTS)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)


def test_an_unknown_name_lists_its_neighbours() -> None:
    with pytest.raises(UsageError, match="did you mean dcgan"):
        registry.find("dcgam")
    with pytest.raises(UsageError, match="there are mlp-gan, dcgan"):
        registry.find("xyzzy")


def test_a_third_party_joins_through_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    third_party(monkeypatch, "image.gan.mine", "verascope.generate.dcgan:Dcgan")
    assert registry.entries()["mine"].family == "gan"
    assert registry.find("mine") is Dcgan


def test_a_duplicate_or_misnamed_entry_point_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    third_party(monkeypatch, "image.gan.dcgan", "a:B")
    with pytest.raises(UsageError, match="two generators"):
        registry.entries()
    third_party(monkeypatch, "smell.gan.mine", "a:B")
    with pytest.raises(UsageError, match="must be called"):
        registry.entries()


def test_a_missing_torch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "verascope.generate.dcgan", raising=False)
    with pytest.raises(MissingExtraError, match=r"verascope\[train\]"):
        registry.find("dcgan")


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys; from verascope.generate.registry import names; assert names();"
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_bad_config_names_file_and_field(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("size = 64\nwidth = 8\n")
    assert read_config(DcganConfig, file) == DcganConfig(width=8)
    for text, said in (
        ("wdith = 8", "wdith"),
        ("width = 'a'", r"\$\.width"),
        ("size = 63", r"\$\.size"),
        ("width =", "c.toml"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=said):
            read_config(DcganConfig, file)
