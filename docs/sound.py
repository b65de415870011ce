"""Tables of the page on detectors of sound: the models in the package, benchmarks/audio.py."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from docs.figures import interval, percent

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "benchmarks" / "results" / "audio.json"
BUILT_IN = RECIPES.with_name("audio-built-in.json")
COST = RECIPES.with_name("audio-cost.json")
MODELS = ROOT / "verascope" / "detect" / "models"
SHIPPED = (MODELS / "audio-encoders", MODELS / "audio-spectral")
GATE = MODELS / "speech" / "gate.json"


def shipped(splits: Mapping[str, str]) -> Iterator[str]:
    """The detectors in the package, as it is and over a telephone, against their null."""
    yield "| detector | recordings | AUROC | within sources | null |"
    yield "| --- | --- | --- | --- | --- |"
    for folder in SHIPPED:
        model = json.loads((folder / "model.json").read_bytes())
        for split, sources in splits.items():
            for view in ("raw", "telephone"):
                figures = model["metrics"][split]["discrimination"][view]
                shown = (interval(figures[key]) for key in ("auroc", "within_sources", "null"))
                yield f"| `{model['name']}` | {view}, {sources} | {' | '.join(shown)} |"


def tables() -> str:
    """One row a recipe, split and view; then what each costs, and long recordings."""
    recipes = json.loads(RECIPES.read_bytes())
    for name, figures in json.loads(BUILT_IN.read_bytes()).items():
        recipes[name if "built-in" in name else f"{name}, built-in added"] = figures
    lines = [
        "| recipe | split | view | AUROC | within | pairs | TPR at 5 % FPR | null | AUROC − null |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, figures in recipes.items():
        views = ("raw", "opus", "aac", "mp3", "telephone") if name in ("accurate", "fast") else ()
        for split in ("leave_sources_out", "dev"):
            for view in views or ("raw", "telephone"):
                found = figures[split][view]
                keys = (
                    "auroc_raw",
                    "within_sources",
                    "pairs",
                    "tpr_at_5",
                    "null",
                    "above_null",
                )
                shown = " | ".join(interval(found[key]) for key in keys)
                lines.append(f"| {name} | {split.replace('_', ' ')} | {view} | {shown} |")
    lines += ["", "| recipe | split | speech | music | sound |", "| --- | --- | --- | --- | --- |"]
    for name in ("accurate", "fast"):
        for split in ("leave_sources_out", "dev"):
            found = recipes[name][f"{split}_by_style"]
            shown = " | ".join(interval(found[style]) for style in ("speech", "music", "sound"))
            lines.append(f"| {name} | {split.replace('_', ' ')} | {shown} |")
    return "\n".join([*lines, "", *_cost(), *_gate()])


def _cost() -> Iterator[str]:
    """Speed by detector and encoder, memory, and what long recordings reach."""
    found = json.loads(COST.read_bytes())
    yield "On one core, times real time (the gate is in *with windows*, decoding in neither):"
    yield ""
    for name, cost in found["cost"].items():
        encoders = ", ".join(
            f"{encoder} {each['times_real_time']:.0f} × ({each['bytes'] / 1e6:.1f} MB)"
            for encoder, each in cost["encoders"].items()
        )
        yield (
            f"- `{name}`: {cost['times_real_time']:.0f} ×, with windows "
            f"{cost['with_windows']:.0f} ×; its own {cost['bytes'] / 1e6:.1f} MB; {encoders}"
        )
    memory = ", ".join(
        f"{name}: {each['peak_mb']:.0f} MB" for name, each in found["memory"].items()
    )
    yield f"- peak memory of a scan: {memory}"
    yield ""
    yield "Dev's real clips one after the other, and the same with one synthetic clip among them:"
    yield ""
    yield "| detector | length | real, 1 % point | real, 10 % point | insert, 10 % point |"
    yield "| --- | --- | --- | --- | --- |"
    for name, lengths in found["long"].items():
        for length, shares in lengths.items():
            real, insert = shares["real"], shares.get("with an insert", {})
            reached = insert.get("high_recall")
            yield (
                f"| `{name}` | {length} | {100 * real['high_precision']:.1f} % "
                f"| {100 * real['high_recall']:.1f} % "
                f"| {'' if reached is None else f'{100 * reached:.1f} %'} |"
            )


def _gate() -> Iterator[str]:
    """What the gate for speech loses and lets pass."""
    found = json.loads(GATE.read_bytes())
    passed = " and ".join(
        f"{percent(share)} of {style}" for style, share in found["passed"].items()
    )
    yield ""
    yield (
        f"The gate for speech, on sources that it never heard: AUROC {interval(found['auroc'])}; "
        f"{percent(found['speech_lost'])} of recordings with speech are lost, {passed} pass."
    )
