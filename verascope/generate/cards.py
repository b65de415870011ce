"""The page docs/generators.md, from the cards: `python -m verascope.generate.cards`."""

import sys

from verascope.generate.forms import form_of
from verascope.generate.registry import BUILT_IN, find

PAGE = """# The generators

Made from their cards by `python -m verascope.generate.cards > docs/generators.md`. Costs are of one
shared core with the default options; [generating](generating.md) shows the commands.

| name | family | makes | papers | good for | cost |
| --- | --- | --- | --- | --- | --- |
{rows}

{texts}
"""
TEXT = """## {name}

{summary} Traces: {traces} Limits: {limits}"""


def page() -> str:
    """The page, from the built-in generators' cards."""
    rows, texts = [], []
    for name, entry in BUILT_IN.items():
        kind = find(name)
        card = kind.card
        noun = form_of(kind.modality).noun
        way = noun if hasattr(kind, "sample") else f"{noun} from {noun}"
        papers = "; ".join(card.papers)
        cells = (f"`{name}`", entry.family, way, papers, card.good_for, card.cost)
        rows.append("| " + " | ".join(cells) + " |")
        traces = card.traces[0].lower() + card.traces[1:]
        limits = card.limits[0].lower() + card.limits[1:]
        texts.append(TEXT.format(name=name, summary=card.summary, traces=traces, limits=limits))
    return PAGE.format(rows="\n".join(rows), texts="\n\n".join(texts))


if __name__ == "__main__":
    sys.stdout.write(page())
