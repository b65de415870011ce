"""A model's card, generated from its description: no number in it is typed by hand."""

from collections.abc import Iterable, Sequence
from typing import Any

from verascope.detect.model_folder import ModelDescription

PERCENT_POINTS = {"high_precision": "1 % point", "high_recall": "10 % point"}
NEAR_CHANCE = 0.55  # AUROC
OFTEN = 1.5  # times the false positive rate that a point was set for
SPLITS = {
    "leave_sources_out": "Leave-sources-out on the training split",
    "dev": "Dev split",
}
INTRODUCTIONS = {
    "leave_sources_out": (
        "Each picture was scored by a network that had seen no picture of its source, repository "
        "or pair. Models were chosen by this figure; scores are standardised within a fold and "
        "pooled (raw: pooled as they are)."
    ),
    "dev": "Sources and generators that nothing was trained, chosen or calibrated on.",
}


def card(description: ModelDescription) -> str:
    """The card as Markdown."""
    parts = [
        *_head(description),
        *_use(description),
        *_data(description),
        *(
            line
            for name in SPLITS
            if name in description.metrics
            for line in _split(description, name)
        ),
        "## Limits",
        "",
        *(f"- {line}" for name in SPLITS for line in _failures(description, name)),
        *(f"- {limit}" for limit in description.limits),
        "",
        *_recompute(description),
    ]
    return "\n".join(parts)


def _head(d: ModelDescription) -> list[str]:
    return [
        f"# {d.name} {d.version}",
        "",
        f"Tells machine-made pictures from real ones. {d.parameters:,} parameters, "
        f"model.onnx sha256 `{d.sha256}`. This card is generated from model.json.",
        "",
        *_pairs(d.preprocessing),
        "",
    ]


def _use(d: ModelDescription) -> list[str]:
    """Intended use, and what the errors cost people."""
    points = [
        [
            p.name,
            f"{p.threshold:.4f}",
            _percent(p.false_positive_rate),
            f"{_percent(p.interval[0])} to {_percent(p.interval[1])}",
        ]
        for p in d.operating_points
    ]
    return [
        "## Use",
        "",
        "A first, cheap look at many pictures: to order a queue, to decide what a person or a "
        "slower method looks at. Not for accusing anyone: at the prior of "
        f"{d.calibration.prior:g} the score is a probability, but where few pictures are "
        "synthetic most flagged ones are real.",
        "",
        "What errors cost: a real picture that is flagged can cost its maker a post, a sale, a "
        "prize or trust; a synthetic one that is missed passes as a witness. The thresholds below "
        "were set on real pictures of sources that the scoring network had never seen.",
        "",
        *_table(
            ["point", "threshold on the score", "false positives there", "95 % interval"], points
        ),
        "",
    ]


def _data(d: ModelDescription) -> list[str]:
    """Corpora, with every source and generator."""
    lines = ["## Training data", ""]
    for corpus in d.training["corpora"]:
        lines += [f"Corpus `{corpus['name']}`, manifest sha256 `{corpus['manifest_sha256']}`.", ""]
        for label in ("real", "synthetic"):
            rows = [
                [name, str(s["files"]), ", ".join(s["origins"]), ", ".join(s["licences"])]
                for name, s in corpus[label].items()
            ]
            lines += [*_table([f"{label} source", "files", "origin", "licence"], rows), ""]
        generators = ", ".join(f"{name} ({n})" for name, n in corpus["generators"].items())
        lines += [f"Generators (files): {generators}.", ""]
    return lines


def _split(d: ModelDescription, name: str) -> list[str]:
    """All tables of one split."""
    metrics = d.metrics[name]
    protocols = d.training["protocols"]
    lines = [f"## {SPLITS[name]}", "", INTRODUCTIONS[name], ""]
    lines += [
        "Intervals are 95 % bootstrap intervals over sources; those of shares are at least as "
        "wide as Wilson's over pictures. The null sees only the size and the byte count of the "
        "re-encoded file.",
        "",
    ]
    lines += [*_discrimination(metrics["discrimination"]), ""]
    lines += [*(f"- *{key}*: {text}" for key, text in protocols.items()), ""]
    scales = ", ".join(
        f"{s['mean']:.2f} ± {s['deviation']:.2f}" for s in metrics["real_logits"].values()
    )
    lines += [f"Logits of real pictures, mean ± deviation, by scoring network: {scales}.", ""]
    lines += ["### AUROC by what the picture shows and by family (equal crops)", ""]
    groups = metrics["auroc_by_style"] | metrics["auroc_by_family"]
    lines += [*_figures("group", groups), ""]
    lines += ["### AUROC by synthetic source (equal crops)", ""]
    lines += [*_figures("source", metrics["auroc_by_source"]), ""]
    if metrics["apart"]:
        lines += ["### Outside the headline: edited and partly generated pictures", ""]
        lines += [*_figures("kind", metrics["apart"]), ""]
    lines += ["### Real pictures flagged", ""]
    for protocol, groups in metrics["false_positives"].items():
        lines += [*_flagged(f"{protocol}: kind", groups), ""]
    lines += ["By source (equal crops):", ""]
    lines += [*_flagged("source", metrics["false_positives_by_source"]), ""]
    lines += ["### Synthetic pictures found", ""]
    for protocol, groups in metrics["found"].items():
        lines += [*_flagged(f"{protocol}: family", groups), ""]
    return lines


def _failures(d: ModelDescription, name: str) -> list[str]:
    """Where the figures say that the model does not work."""
    if name not in d.metrics:
        return []
    metrics = d.metrics[name]
    missed = [
        f"{source} ({figure['value']:.2f})"
        for source, figure in metrics["auroc_by_source"].items()
        if figure["value"] <= NEAR_CHANCE
    ]
    recall = d.operating_points[-1]
    flagged = [
        f"{kind} ({_percent(values[recall.name]['value'])})"
        for kind, values in metrics["false_positives"]["equal-crops"].items()
        if values[recall.name]["value"] > OFTEN * recall.false_positive_rate
    ]
    lines = []
    if missed:
        lines.append(f"{SPLITS[name]}: near chance or worse (AUROC) on {', '.join(missed)}.")
    if flagged:
        lines.append(
            f"{SPLITS[name]}: real pictures flagged at the {PERCENT_POINTS[recall.name]} far more "
            f"often than it was set for: {', '.join(flagged)}."
        )
    return lines


def _recompute(d: ModelDescription) -> list[str]:
    return [
        "## How to recompute",
        "",
        f"Trained by code of sha256 `{d.training['code_sha256']}` with seed {d.training['seed']}:",
        "",
        "    " + d.training["commands"]["train"],
        "",
        "The leave-sources-out figures come from the same command. The dev figures:",
        "",
        "    " + d.training["commands"]["evaluate"],
        "",
    ]


def _discrimination(protocols: dict[str, Any]) -> list[str]:
    """One row a protocol: AUROC, its null, EER, TPR."""
    keys = ("auroc", "null", "above_null", "auroc_raw", "eer", "tpr_at_1", "tpr_at_5", "pairs")
    titles = [
        "protocol",
        "AUROC",
        "null",
        "AUROC − null",
        "AUROC raw",
        "EER",
        "TPR at 1 % FPR",
        "TPR at 5 % FPR",
        "pairs won",
        "synthetic / real",
    ]
    rows = [
        [
            name,
            *(_figure(values.get(key)) for key in keys),
            f"{values['auroc']['synthetic']} / {values['auroc']['real']}",
        ]
        for name, values in protocols.items()
    ]
    return _table(titles, rows)


def _figures(title: str, groups: dict[str, Any]) -> list[str]:
    rows = [[name, _figure(f), f"{f['synthetic']} / {f['real']}"] for name, f in groups.items()]
    return _table([title, "AUROC", "synthetic / real"], rows)


def _flagged(title: str, groups: dict[str, Any]) -> list[str]:
    """Shares at or above the two points, one row a group."""
    rows = [
        [
            name,
            *(_share(values[point]) for point in PERCENT_POINTS),
            str(values["items"]),
            str(values["sources"]),
        ]
        for name, values in groups.items()
    ]
    columns = [f"at the {text}" for text in PERCENT_POINTS.values()]
    return _table([title, *columns, "pictures", "sources"], rows)


def _figure(value: dict[str, Any] | None) -> str:
    if value is None:
        return "not measured"
    low, high = value["interval"]
    return f"{value['value']:.3f} [{low:.3f}, {high:.3f}]"


def _share(value: dict[str, Any]) -> str:
    low, high = value["interval"]
    return f"{_percent(value['value'])} [{_percent(low)}, {_percent(high)}]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _pairs(values: dict[str, Any]) -> list[str]:
    return [f"- {key.replace('_', ' ')}: {value}" for key, value in values.items()]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join("---" for _ in head) + " |",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
