"""Tables of the page on detectors of text: benchmarks/text.py and the models in the package."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.figures import interval, percent

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "benchmarks" / "results" / "text.json"
COST = FIGURES.with_name("text-cost.json")
RUNS = {"text": "text-style", "text-head": "text-smollm"}
KEYS = ("auroc", "tpr_at_1", "tpr_at_5")
POINTS = {"high_precision": "1 % point", "high_recall": "10 % point"}


def tables() -> str:
    """All of them, one after the other."""
    found = json.loads(FIGURES.read_bytes())
    parts = [
        _headline(found),
        _quality(found, "dev_headline_by_length", "length"),
        _quality(found, "dev_by_source", "source of dev"),
        _quality(found, "leave_one_source_out", "source of train, left out"),
        _reached(found, "dev_at_points_of_train", "dev"),
        _reached(found, "refit_at_its_own_points", "left out"),
        _precision(found),
        _attacks(found),
        _languages(found),
        _authors(found),
        _cost(),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _head(*titles: str) -> list[str]:
    return [_row(*titles), _row(*["---"] * len(titles))]


def _headline(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("dev, by fits on train alone", "AUROC", "TPR at 1 % FPR", "TPR at 5 % FPR")
    for run, name in RUNS.items():
        for key, what in (("dev_headline", "headline"), ("dev_with_rewrites", "with rewrites")):
            figures = found["figures"][run][key]
            yield _row(f"`{name}`, {what}", *(interval(figures[key]) for key in KEYS))
    for name, figures in found["null"].items():
        yield _row(f"null: {name.replace('_', ' ')}", *(interval(figures[key]) for key in KEYS))


def _quality(found: dict[str, Any], key: str, title: str) -> Iterator[str]:
    yield from _head(title, *(f"`{name}`, {what}" for name in RUNS.values() for what in
                              ("AUROC", "TPR at 5 %")))  # fmt: skip
    for group in found["figures"]["text"][key]:
        shown = [
            interval(found["figures"][run][key][group][figure])
            for run in RUNS
            for figure in ("auroc", "tpr_at_5")
        ]
        yield _row(group, *shown)


def _reached(found: dict[str, Any], key: str, title: str) -> Iterator[str]:
    yield from _head(title, *(f"`{n}`, {p}" for n in RUNS.values() for p in POINTS.values()))
    for group in found["figures"]["text"][key]:
        shown = [
            percent(found["figures"][run][key][group][point]) for run in RUNS for point in POINTS
        ]
        yield _row(group, *shown)


def _precision(found: dict[str, Any]) -> Iterator[str]:
    shares = list(found["figures"]["text"]["precision"]["high_precision"])
    yield from _head("precision, where so many texts are machine-made", *shares)
    for run, name in RUNS.items():
        for point, words in POINTS.items():
            values = found["figures"][run]["precision"][point]
            yield _row(f"`{name}`, {words}", *(f"{values[share]:.2f}" for share in shares))


def _attacks(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("attack on machine texts", "TPR at 5 % FPR", "texts wholly restored")
    for name, values in found["shipped"]["text-style"]["attacks"].items():
        yield _row(name, f"{values['tpr_at_5']:.3f}", f"{100 * values['restored']:.1f} %")


def _languages(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("people's texts in", "texts", "judged", *POINTS.values())
    for code, values in found["shipped"]["text-style"]["languages"].items():
        shown = (f"{100 * values[point]:.1f} %" for point in POINTS)
        yield _row(code, values["texts"], values["judged"], *shown)


def _authors(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("posts of one author", *(f"`{n}`, {p}" for n in RUNS.values()
                                               for p in POINTS.values()))  # fmt: skip
    for group in found["figures"]["text"]["authors"]:
        shown = [
            f"{100 * found['figures'][run]['authors'][group][point]:.1f} %"
            for run in RUNS
            for point in POINTS
        ]
        yield _row(group, *shown)


def _cost() -> Iterator[str]:
    cost = json.loads(COST.read_bytes())["cost"]
    yield from _head("cost on one core", "")
    yield _row("fast: posts a second, reading and language included",
               f"{cost['fast_posts_a_second']:,.0f}")  # fmt: skip
    yield _row("characters of such a post", f"{cost['characters_a_post']:.0f}")
    yield _row("fast: size of the model", f"{cost['fast_model_mb']:.1f} MB")
    yield _row("accurate: a post", f"{cost['accurate_ms_a_post']:.0f} ms")
    yield _row("accurate, over its bare encoder and the fast tier",
               f"{cost['accurate_over_encoder_and_fast']:.2f}")  # fmt: skip
