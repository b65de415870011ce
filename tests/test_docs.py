"""Documentation that cannot rot: made pages are current, every verb is told of, links resolve."""

import re
import runpy
from pathlib import Path

import pytest

from verascope.cli.main import VERBS

ROOT = Path(__file__).parents[1]
MAKE = runpy.run_path(str(ROOT / "docs" / "make.py"))
WRITTEN = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]


@pytest.mark.parametrize(("name", "content"), MAKE["pages"]().items())
def test_a_made_page_is_current(name: str, content: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == content, "run: make docs"


def test_the_benchmarks_page_is_the_last_run() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page == MAKE["benchmarks"](), "run: make docs"


def test_the_page_on_scale_is_computed_from_the_last_run() -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page == MAKE["scale"](), "run: make docs"
    assert "| 1,000,000,000 | accurate |" in page


def test_the_card_of_coops_plugin_is_the_shipped_models() -> None:
    card = (ROOT / "integrations" / "coop" / "card.json").read_text(encoding="utf-8")
    assert card == MAKE["coop"](), "run: make docs"


def test_the_image_detectors_page_is_the_last_run() -> None:
    page = (ROOT / "docs" / "image-detector.md").read_text(encoding="utf-8")
    assert page == MAKE["image_detector"](), "run: make docs"


def test_the_page_on_detectors_of_text_is_the_last_run() -> None:
    page = (ROOT / "docs" / "text-detector.md").read_text(encoding="utf-8")
    assert page == MAKE["text_detector"](), "run: make docs"


def test_the_page_on_detectors_of_sound_is_the_last_run() -> None:
    page = (ROOT / "docs" / "audio-detector.md").read_text(encoding="utf-8")
    assert page == MAKE["audio_detector"](), "run: make docs"


def test_the_first_page_says_how_to_begin() -> None:
    """It was once written empty, and was then what an empty page is made into."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Verascope")
    for needed in ("make demo", "make test", "verascope scan", "## What it does not claim"):
        assert needed in text
    assert all(page.stat().st_size > 200 for page in (ROOT / "docs").glob("*.md"))


def test_the_figures_of_the_readme_are_the_shipped_models() -> None:
    assert (ROOT / "README.md").read_text(encoding="utf-8") == MAKE["readme"](), "run: make docs"


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_or_the_docs_tell_of_each_verb(verb: str) -> None:
    assert f"## verascope {verb}" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_between_pages_resolve(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_dependency_has_its_line() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for name, extra in project["optional-dependencies"].items():
        wanted += extra if name != "all" else []
    told = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    pins = (ROOT / "constraints.txt").read_text("utf-8").lower().replace("_", "-")
    for requirement in wanted:
        name = re.split(r"[\[<>=~!; ]", requirement)[0]
        assert f"| {name} |" in told, f"docs/dependencies.md says nothing of {name}"
        assert f"\n{name.lower()}==" in pins, f"constraints.txt does not pin {name}"
