from pathlib import Path

from verascope.generate.cards import page

PAGE = Path(__file__).parents[2] / "docs" / "generators.md"


def test_the_page_is_made_from_the_cards() -> None:
    told = PAGE.read_text(encoding="utf-8")
    assert told == page(), "run: python -m verascope.generate.cards > docs/generators.md"
