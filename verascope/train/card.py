"""A model's card, generated from its description: no number in it is typed by hand."""

from collections.abc import Iterable, Sequence
from typing import Any

from verascope.detect.model_folder import GRAPH, TABLES, ModelDescription
from verascope.result import Modality, OperatingPoint

PERCENT_POINTS = {"high_precision": "1 % point", "high_recall": "10 % point"}
NEAR_CHANCE = 0.55  # AUROC
CONSTANT_BRIER = 0.25  # of a score that is always ½
COUNTS = ("items (synthetic / real)", "sources (synthetic / real)")
OFTEN = 1.5  # times the false positive rate that a point was set for
FIGURES = {
    "auroc": "AUROC",
    "null": "null",
    "above_null": "AUROC − null",
    "header_null": "null of headers",
    "auroc_raw": "AUROC raw",
    "within_sources": "AUROC within sources",
    "eer": "EER",
    "tpr_at_1": "TPR at 1 % FPR",
    "tpr_at_5": "TPR at 5 % FPR",
    "pairs": "pairs won",
}
ALWAYS = frozenset(FIGURES) - {"header_null", "within_sources"}
NULLS = {
    Modality.IMAGE: (
        "The null sees only the size and the byte count of the file that the protocol makes "
        "(as-is: of the corpus's own file, metadata included)."
    ),
    Modality.AUDIO: (
        "The null sees the file's header (rate, channels, container, duration, bytes) and the "
        "level, silence, noise floor, clipping and bandwidth of what the protocol makes of it, 14 "
        "numbers; the null of headers the first six."
    ),
    Modality.TEXT: (
        "The null sees no word: length, line breaks, spaces, placeholders, marks, emoji, and which "
        "kind of character comes first and last; the null of length sees that alone."
    ),
}
NULL_SEES = {
    Modality.IMAGE: "sizes and bytes",
    Modality.AUDIO: "headers and levels",
    Modality.TEXT: "length and format",
}
SPLITS = {
    "leave_sources_out": "Leave-sources-out on the training split",
    "dev": "Dev split",
    "refit": "Leave-sources-out over both splits",
}
INTRODUCTIONS = {
    "leave_sources_out": (
        "Each item was scored by a network that had seen no item of its source, repository "
        "or pair. Models were chosen by this figure; scores are standardised within a fold and "
        "pooled (raw: pooled as they are)."
    ),
    "dev": "Sources and generators that nothing was trained, chosen or calibrated on.",
    "refit": (
        "When every choice was fixed, the model was fitted again on both splits, and that is the "
        "one in this folder. Its thresholds are set on these scores, each by a model that had "
        "seen no item of the source; the figures above are of the fit on the training split."
    ),
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
        *_families(description),
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
        f"Tells machine-made {d.modality.noun}s from real ones. {d.parameters:,} parameters, "
        f"{_file(d)} sha256 `{d.sha256}`. This card is generated from model.json.",
        "",
        *_scope(d),
        *_pairs(d.preprocessing),
        "",
    ]


def _file(d: ModelDescription) -> str:
    """What runs: tables of text, else a graph."""
    return TABLES if d.modality is Modality.TEXT else GRAPH


def _scope(d: ModelDescription) -> list[str]:
    """What a detector of sound is for, and what it is not."""
    if d.modality is not Modality.AUDIO:
        return []
    found = d.metrics[next(iter(d.metrics))]["auroc_by_style"]
    said = {style: _figure(figure) for style, figure in found.items()}
    others = ", ".join(f"{style} {said[style]}" for style in ("music", "sound") if style in said)
    told = f" (AUROC {said['speech']})" if "speech" in said else ""
    return [
        f"**It judges speech{told}.** What holds none gets no score, as far as the gate for speech "
        "hears that; a score of music or of other sound that passes it is no evidence"
        + (f" ({others}, on few recordings)." if others else "."),
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
            *_true_positives(p),
        ]
        for p in d.operating_points
    ]
    return [
        "## Use",
        "",
        f"A first look at many {d.modality.noun}s: to order a queue, to decide what a person "
        "or a slower method looks at. Not for accusing anyone: at the prior of "
        f"{d.calibration.prior:g} the score is a probability, but where few items are "
        "synthetic most flagged ones are real.",
        "",
        "What errors cost: a real one that is flagged can cost its maker a post, a sale, a "
        "prize or trust; a synthetic one that is missed passes as a witness. The thresholds below "
        "were set on real items of sources that the scoring network had never seen; true "
        "positives are the share of synthetic items of such sources that reach them.",
        "",
        *_table(
            [
                "point",
                "threshold on the score",
                "false positives there",
                "95 % interval",
                "true positives there",
                "95 % interval",
            ],
            points,
        ),
        "",
    ]


def _true_positives(point: OperatingPoint) -> list[str]:
    """The share of synthetic items that reach a point, and its interval."""
    if point.true_positive_rate is None or point.true_positive_interval is None:
        return ["not measured", "not measured"]
    low, high = point.true_positive_interval
    return [_percent(point.true_positive_rate), f"{_percent(low)} to {_percent(high)}"]


def _families(d: ModelDescription) -> list[str]:
    """What the hint at a family of generators is worth."""
    known = d.families
    if known is None:
        return []
    rows = [
        [
            f"{band.least_lead:.2f}",
            _percent(band.right),
            f"{_percent(band.interval[0])} to {_percent(band.interval[1])}",
            str(band.pictures),
        ]
        for band in known.bands
    ]
    return [
        "## The nearest family",
        "",
        f"For an item that reaches a threshold it names one of {', '.join(known.names)}. Of "
        f"synthetic items whose source was left out, whole, {_percent(known.right)} were named "
        f"rightly (the commonest family for all: {_percent(known.commonest)}; mean over families: "
        f"{_percent(known.balanced)}). It is a hint: a family that is not in this list is named as "
        "one that is.",
        "",
        *_table(["lead of the first, from", "right", "95 % interval", "items"], rows),
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
        "Intervals are 95 % bootstrap intervals over sources, drawn anew within each class; where "
        "a class has one source, over its items, and then how sources differ is not in the "
        "interval. Those of shares are at least as wide as Wilson's over items. "
        + NULLS[d.modality],
        "",
    ]
    lines += [*_discrimination(metrics["discrimination"]), ""]
    lines += [*(f"- *{key}*: {text}" for key, text in protocols.items()), ""]
    lines += _reliability(metrics.get("calibration"))
    scales = ", ".join(
        f"{s['mean']:.2f} ± {s['deviation']:.2f}" for s in metrics["real_logits"].values()
    )
    lines += [f"Logits of real items, mean ± deviation, by scoring network: {scales}.", ""]
    headline = _headline(metrics)
    lines += [f"### AUROC by kind and by family ({headline})", ""]
    groups = metrics["auroc_by_style"] | metrics["auroc_by_family"]
    lines += [*_figures("group", groups), ""]
    lines += [f"### AUROC by synthetic source ({headline})", ""]
    lines += [
        "One synthetic source a row: the intervals say nothing of other sources of its generators.",
        "",
    ]
    lines += [*_figures("source", metrics["auroc_by_source"]), ""]
    if metrics["apart"]:
        lines += ["### Outside the headline: edited and partly generated items", ""]
        lines += [*_figures("kind", metrics["apart"]), ""]
    lines += ["### Real items flagged", ""]
    for protocol, groups in metrics["false_positives"].items():
        lines += [*_flagged(f"{protocol}: kind", groups), ""]
    lines += [f"By source ({headline}):", ""]
    lines += [*_flagged("source", metrics["false_positives_by_source"]), ""]
    lines += ["### Synthetic items found", ""]
    for protocol, groups in metrics["found"].items():
        lines += [*_flagged(f"{protocol}: family", groups), ""]
    return lines


def _headline(metrics: dict[str, Any]) -> str:
    """The protocol that comes first."""
    return str(next(iter(metrics["discrimination"])))


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
        for kind, values in metrics["false_positives"][_headline(metrics)].items()
        if values[recall.name]["value"] > OFTEN * recall.false_positive_rate
    ]
    lines = [*_against_the_null(name, metrics["discrimination"], NULL_SEES[d.modality])]
    lines += _without_lift(name, metrics)
    if missed:
        lines.append(f"{SPLITS[name]}: near chance or worse (AUROC) on {', '.join(missed)}.")
    if flagged:
        lines.append(
            f"{SPLITS[name]}: real items flagged at the {PERCENT_POINTS[recall.name]} far more "
            f"often than it was set for: {', '.join(flagged)}."
        )
    return lines


def _against_the_null(split: str, protocols: dict[str, Any], sees: str) -> Iterable[str]:
    """Each protocol under which the score was not shown to beat its null."""
    for protocol, values in protocols.items():
        gap = values.get("above_null")
        if gap is None:
            yield f"{SPLITS[split]}, {protocol}: not measured against a null."
        elif gap["interval"][0] <= 0:
            relation = "is not above" if gap["value"] <= 0 else "was not shown to be above"
            yield (
                f"{SPLITS[split]}, {protocol}: the score {relation} its null, which sees "
                f"{sees} alone (AUROC − null {_figure(gap)}). What it tells there may be how "
                "the corpus was gathered."
            )


def _without_lift(split: str, metrics: dict[str, Any]) -> Iterable[str]:
    """Each point that synthetic items were not shown to reach more often than real ones."""
    headline = _headline(metrics)
    sets = [metrics[name][headline].get("all") for name in ("found", "false_positives")]
    if None in sets:  # too few items for a row
        yield f"{SPLITS[split]}: too few items to say what reaches the operating points."
        return
    for point, text in PERCENT_POINTS.items():
        made, real = (found[point] for found in sets)
        if has_lift(made, real) is not True:
            word = "do not reach" if has_lift(made, real) is False else "were not shown to reach"
            yield (
                f"{SPLITS[split]}, {headline}: synthetic items {word} the {text} more often "
                f"than real ones ({_share(made)} against {_share(real)})."
            )


def has_lift(synthetic: dict[str, Any], real: dict[str, Any]) -> bool | None:
    """Whether more synthetic than real items reach a point; None where intervals overlap."""
    if synthetic["value"] <= real["value"]:
        return False
    return True if synthetic["interval"][0] > real["interval"][1] else None


def _reliability(values: dict[str, Any] | None) -> list[str]:
    """How far a score may be read as a probability."""
    if values is None:
        return ["Whether scores hold as probabilities was not measured.", ""]
    shown = values["brier"]["interval"][1] < CONSTANT_BRIER
    doubt = "" if shown else " (not shown to be better than that)"
    return [
        "Scores as probabilities, both classes weighted alike: Brier score "
        f"{_figure(values['brier'])}, where a constant ½ has {CONSTANT_BRIER:g}{doubt}; expected "
        f"calibration error over tenths {_figure(values['calibration_error'])}.",
        "",
    ]


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
    columns = {
        key: title
        for key, title in FIGURES.items()
        if key in ALWAYS or any(key in values for values in protocols.values())
    }
    titles = ["protocol", *columns.values(), *COUNTS]
    rows = [
        [
            name,
            *(_figure(values.get(key)) for key in columns),
            *_counts(values["auroc"]),
        ]
        for name, values in protocols.items()
    ]
    return _table(titles, rows)


def _figures(title: str, groups: dict[str, Any]) -> list[str]:
    rows = [[name, _figure(f), *_counts(f)] for name, f in groups.items()]
    return _table([title, "AUROC", *COUNTS], rows)


def _counts(figure: dict[str, Any]) -> list[str]:
    """Pictures and sources of each class that a figure rests on; see COUNTS."""
    made, real = figure["clusters"]
    return [f"{figure['synthetic']} / {figure['real']}", f"{made} / {real}"]


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
    return _table([title, *columns, "items", "sources"], rows)


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
