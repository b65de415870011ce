"""Writes the pages that are made from the code: `make docs`. A test holds them to it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.scale import table as table_of_costs
from docs import sound, text
from docs.figures import interval, percent
from verascope.cli.main import VERBS, cli
from verascope.detect.image_residual import SHIPPED
from verascope.result import SENTENCES, json_schema, status_of
from verascope.train.card import PERCENT_POINTS, has_lift
from verascope.verdict import table

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BENCHMARKS = DOCS / "benchmarks.md"
SCANNING = DOCS.parent / "benchmarks" / "results" / "scanning.json"
IMAGE = SCANNING.with_name("image.json")
DETECTOR = DOCS / "image-detector.md"
SOUND = DOCS / "audio-detector.md"
TEXT = DOCS / "text-detector.md"
SERVICE = SCANNING.with_name("service.json")
BATCH = SCANNING.with_name("batch.json")
SCALE = DOCS / "scale.md"
COOP = DOCS.parent / "integrations" / "coop" / "card.json"
MEMORY = SCANNING.with_name("memory.json")
SHIPPED_BOTH = (SHIPPED, SHIPPED.with_name("image-clip"))  # fast, accurate
SHOWN = {"equal-crops": "200-px crops", "whole": "whole files"}
SPLITS = {
    "leave_sources_out": "sources left out of training in turn",
    "dev": "other sources, mostly other generators (dev)",
}
BLOCK = re.compile(r"(<!-- made .*? -->\n).*?(\n<!-- end -->)", re.DOTALL)

VERDICTS = """# Verdicts

Made from `verascope/verdict.py` by `make docs`. The first rule that holds, decides.

{table}

`unremarkable` means that nothing was found, never that the thing is real. Only a trusted signature
gives `authenticated`, and a conflict between a trusted claim and the pixels is itself evidence. A
credential that does not validate adds evidence for `edited`, never a verdict. Provenance never
moves the detectors' probability: both meet only in this table.

The 1 % and the 10 % point are the detector's operating points: thresholds on the calibrated score
that so many real pictures reach, measured on sources that the model had not been trained on.
The model's card gives them with their intervals. [Thresholds of your own](calibrating.md), measured
on your real files, can take their place; the Result then names them.

The interval beside a score is what the few calibration sources leave open of the curve from
logit to probability. It is not how sure the detector is of this one picture: two pictures with
the same score have the same interval.

## Reasons

Every input gets one Result. Where there is no score, `reason` says why, from this closed list.
A `skipped` input is not ours to judge and never changes the exit code; a `failed` one should have
worked and makes it 2. With status `partial` the reason says what cut a scored input short.

| reason | status | in words |
| --- | --- | --- |
{reasons}
"""

CLI = """# The command line

Made from `--help` by `make docs`. Results go to standard output, everything else to standard error.
Exit codes of every verb: 0 done, nothing flagged · 1 done, something flagged · 2 an input failed or
was cut short (2 wins over 1) · 64 wrong usage · 70 a fault of ours · 130 interrupted, what was
finished is written.

{helps}
"""


def pages() -> dict[str, str]:
    """The made pages: file name to content."""
    reasons = "\n".join(
        f"| `{reason}` | {status_of(reason)} | {sentence} |"
        for reason, sentence in SENTENCES.items()
    )
    return {
        "verdicts.md": VERDICTS.format(table=table(), reasons=reasons),
        "cli.md": CLI.format(helps="\n\n".join(_helps())),
        "result.schema.json": json.dumps(json_schema(), indent=1) + "\n",
    }


def readme() -> str:
    """The README with the block of figures that is made from the shipped model's description."""
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + _figures() + found[2], text)


def _figures() -> str:
    """The shipped models against their nulls, and what their operating points find."""
    fast, accurate = (json.loads((folder / "model.json").read_bytes()) for folder in SHIPPED_BOTH)
    whole = fast["metrics"]["dev"]["discrimination"]["whole"]
    return "\n".join(
        [
            "After a platform's re-encoding (JPEG quality 75, 4:2:0), AUROC with its 95 % interval "
            "over sources, beside a null that sees sizes and byte counts only.",
            "",
            f"**Accurate** (`{accurate['name']}` {accurate['version']}, with its encoder "
            "installed):",
            "",
            *_against_null(accurate),
            "",
            f"On dev's crops {'; '.join(_points(accurate['metrics']['dev']))}. "
            "[How it works and where it fails](docs/image-detector.md); its "
            f"{_card(SHIPPED_BOTH[1])} has every figure by source and generator. The figures are "
            "of the fit on the training split; what ships was then fitted on both.",
            "",
            f"**Fast** (`{fast['name']}` {fast['version']}, {fast['parameters']:,} parameters, in "
            "the package):",
            "",
            *_against_null(fast),
            "",
            f"{_whole_files(whole)} It is a cheap first look, not a judge: on dev's crops "
            f"{'; '.join(_points(fast['metrics']['dev']))}. Its {_card(SHIPPED_BOTH[0])} has every "
            "figure by source and generator, and the commands that recompute them.",
            "",
            "**Sound** is judged where it holds speech, by `audio-encoders` with its encoders "
            "installed and by `audio-spectral` without; AUROC, and inside sources, where the "
            "recording chain tells nothing:",
            "",
            *sound.shipped(SPLITS),
            "",
            "[How they work and where they fail](docs/audio-detector.md).",
        ]
    )


def _against_null(model: dict[str, Any]) -> list[str]:
    return [
        "| pictures | AUROC | null | AUROC − null |",
        "| --- | --- | --- | --- |",
        *(
            f"| {shown}, {sources} | {interval(figures['auroc'])} | {interval(figures['null'])} "
            f"| {interval(figures['above_null'])} |"
            for protocol, shown in SHOWN.items()
            for split, sources in SPLITS.items()
            for figures in [model["metrics"][split]["discrimination"][protocol]]
        ),
    ]


def _card(folder: Path) -> str:
    return f"[card]({(folder / 'CARD.md').relative_to(DOCS.parent)})"


def _whole_files(figures: dict[str, Any]) -> str:
    """One sentence: whether the model beats its null on whole files of dev."""
    if figures["above_null"]["interval"][0] > 0:
        return "On whole files of dev it beats its null."
    rates = f"{figures['auroc']['value']:.2f} against {figures['null']['value']:.2f}"
    return (
        f"**On whole files of dev it does not beat its null** ({rates}): there, size and byte "
        "count tell the classes of this corpus apart about as well."
    )


def _points(metrics: dict[str, Any]) -> Iterator[str]:
    """For each operating point: which shares of synthetic and of real pictures reach it."""
    for point, name in PERCENT_POINTS.items():
        made = metrics["found"]["equal-crops"]["all"][point]
        real = metrics["false_positives"]["equal-crops"]["all"][point]
        lift = {
            True: "more than chance",
            False: "**no lift**",
            None: "a lift that the intervals do not hold up",
        }[has_lift(made, real)]
        yield (
            f"{percent(made)} of synthetic and {percent(real)} of real pictures reach its "
            f"{name}, {lift}"
        )


def benchmarks() -> str:
    """The benchmarks' page with the table that is made from the last run of scanning.py."""
    text = BENCHMARKS.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + _scanning() + found[2], text)


def image_detector() -> str:
    """The page on the image detector with the table of benchmarks/image.py's last run."""
    text = DETECTOR.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + _image() + found[2], text)


def _image() -> str:
    """One row a head, protocol, split and group of pictures; the null beside each."""
    rows = json.loads(IMAGE.read_bytes())
    lines = [
        "| head | pictures | split | group | AUROC | over sources | over pictures "
        "| TPR at 5 % FPR | over sources |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['head']} | {r['view']} | {r['split']} | {r['group']} | {r['auroc']:.3f} "
        f"| {_ends(r['over_sources'])} | {_ends(r['over_items'])} | {r['tpr_at_5']:.2f} "
        f"| {_ends(r['tpr_over_sources'])} |"
        for r in rows
    ]
    return "\n".join(lines)


def audio_detector() -> str:
    """The page on the detectors of sound with the tables of benchmarks/audio.py's last runs."""
    text = SOUND.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + sound.tables() + found[2], text)


def text_detector() -> str:
    """The page on the detectors of text with the tables of benchmarks/text.py's last runs."""
    page = TEXT.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + text.tables() + found[2], page)


def _ends(interval: list[float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def scale() -> str:
    """The page on scale with the table that benchmarks/scale.py computes."""
    text = SCALE.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + table_of_costs() + found[2], text)


def _batch() -> list[str]:
    """What benchmarks/batch.py measured last."""
    run = json.loads(BATCH.read_bytes())
    speed, books, memory, kills = (
        run[key] for key in ("throughput", "bookkeeping", "memory", "kills")
    )
    return [
        "Batch scanning (`benchmarks/batch.py`), two workers on two cores, fast tier:",
        "",
        "| what | measured | bar |",
        "| --- | --- | --- |",
        f"| 1 MP JPEGs a second | {speed['scan_per_s']:.1f}, "
        f"{100 * speed['share_of_ceiling']:.0f} % of the ceiling (decoding alone + inference "
        f"alone: {speed['ceiling_per_s']:.1f}) | {100 * speed['bar']:.0f} % |",
        f"| sahu65 1.1.0 (PyPI) on the same files | {speed['peer_per_s']:.1f} a second: we are "
        f"{speed['times_the_peer']:.0f} times as fast | 10 times |",
        f"| bookkeeping | {books['ms_per_file']:.2f} ms a file | {books['bar']:g} ms |",
        f"| peak memory of the parent, {memory['few']:,} and {memory['many']:,} files "
        f"| {memory['few_mb']:.0f} and {memory['many_mb']:.0f} MB | flat |",
        f"| `--resume` over {memory['many']:,} finished files "
        f"| {memory['resume_cpu_s']:.1f} s of CPU | {memory['bar_resume_cpu_s']:.0f} s |",
        f"| {kills['kills']} kills ({kills['of_workers']} of workers), then `--resume`, "
        f"{kills['files']:,} files | {kills['lost']} lost, {kills['doubled']} doubled | 0 |",
        "",
    ]


def coop() -> str:
    """The card of Coop's plugin: the accurate model's, in the sections that Coop asks for."""
    model = json.loads((SHIPPED_BOTH[1] / "model.json").read_bytes())
    precise, recall = model["operating_points"]
    dev = model["metrics"]["dev"]["discrimination"]
    figures = {
        f"AUROC, {shown}, other sources (dev)": interval(dev[name]["auroc"])
        for name, shown in SHOWN.items()
    } | {f"Null that sees sizes only, {SHOWN['whole']}": interval(dev["whole"]["null"])}
    real = [source for corpus in model["training"]["corpora"] for source in corpus["real"]]
    made = [name for corpus in model["training"]["corpora"] for name in corpus["generators"]]
    points = {
        name: f"{point['threshold']:.4f}: {100 * point['false_positive_rate']:.1f} % of real "
        "pictures reach it, sources left out"
        for name, point in (("High precision", precise), ("High recall", recall))
    }
    sections = {
        "trainingData": (
            "Training Data",
            {
                "Sources of real pictures": str(len(set(real))),
                "Generators": str(len(set(made))),
            },
        ),
        "policyAndTaxonomy": (
            "Policy and Taxonomy",
            {
                "Scope": "How a picture was made, not what it shows. It decides nothing.",
            },
        ),
        "annotationMethodology": (
            "Annotation Methodology",
            {
                "Method": "Labels by origin: what a source says of its own pictures.",
            },
        ),
        "performanceBenchmarks": ("Performance and Benchmarks", figures),
        "biasAndLimitations": (
            "Bias and Limitations",
            {f"Limit {number}": text for number, text in enumerate(model["limits"], 1)},
        ),
        "implementationGuidance": ("Implementation Guidance", points),
        "relevantLinks": ("Relevant Links", {"Card": "verascope/detect/models/image-clip/CARD.md"}),
    }
    card = {
        "modelName": model["name"],
        "version": model["version"],
        "sections": [
            {
                "id": name,
                "title": title,
                "fields": [{"label": label, "value": value} for label, value in fields.items()],
            }
            for name, (title, fields) in sections.items()
        ],
    }
    thresholds = {
        "highPrecisionThreshold": round(precise["threshold"], 4),
        "highRecallThreshold": round(recall["threshold"], 4),
    }
    told = {"modelCard": card, "recommendedThresholds": thresholds}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _service() -> list[str]:
    """What benchmarks/service.py measured last."""
    run = json.loads(SERVICE.read_bytes())
    speed, long = run["throughput"], run["endurance"]
    before, after = long["before"], long["after"]
    return [
        "The service (`benchmarks/service.py`), two workers on the same two cores as the callers:",
        "",
        "| what | measured | bar |",
        "| --- | --- | --- |",
        f"| requests a second (1 MP JPEGs) | {speed['requests_per_s']:.1f}, "
        f"{100 * speed['share_of_batch']:.0f} % of a batch's {speed['batch_per_s']:.1f} "
        f"| {100 * speed['bar']:.0f} % |",
        f"| at half load, p50 and p99 | {speed['half_load_p50_ms']:.0f} and "
        f"{speed['half_load_p99_ms']:.0f} ms | |",
        f"| slowest `/healthz` under full load | {speed['health_slowest_ms']:.0f} ms "
        f"| {speed['health_bar_ms']} ms |",
        f"| {long['requests']:,} requests, a fifth hostile | answers: {_said(long['answers'])} "
        "| all |",
        f"| memory, files, threads before and after | {before['memory_mb']} and "
        f"{after['memory_mb']} MB, {before['files']} and {after['files']}, {before['threads']} and "
        f"{after['threads']} | no growth |",
        "",
    ]


def _said(answers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} × {status}" for status, number in sorted(answers.items()))


def _scanning() -> str:
    run = json.loads(SCANNING.read_bytes())
    machine = run["machine"]
    vnni = "with" if machine["avx512_vnni"] else "without"
    rows = [
        f"| {row['what']} | {row['ms']:.1f} | {row['bare']} | {row['bare_ms']:.1f} | "
        f"{row['ratio']:.2f} | {row['bar']:g} |"
        for row in run["rows"]
    ]
    return "\n".join(
        [
            f"{machine['processor']} {vnni} VNNI, Python {machine['python']}, one core:",
            "",
            "| what | ms | bare | ms | ratio | bar |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            *_batch(),
            *_service(),
            "Peak memory of the worker. JPEG keeps the bars; the decoders of other formats hold "
            "the picture more than once. All stay under the worker's limit.",
            "",
            "| picture | megapixels | peak, MB | bar, MB |",
            "| --- | --- | --- | --- |",
            *(
                f"| {each['picture']} | {each['megapixels']:.1f} | {each['peak_mb']:.0f} "
                f"| {each['bar_mb']} |"
                for each in json.loads(MEMORY.read_bytes())
            ),
        ]
    )


def _helps() -> list[str]:
    """The help of each verb and of its sub-verbs, as Markdown."""
    context = click.Context(cli, info_name="verascope", max_content_width=100, terminal_width=100)
    found = [_section(cli, context)]
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        found += _of_command(command, context, verb)
    return found


def _of_command(command: click.Command, parent: click.Context, name: str) -> list[str]:
    context = click.Context(command, parent, info_name=name, terminal_width=100)
    found = [_section(command, context)]
    for sub in getattr(command, "commands", {}):
        found += _of_command(command.commands[sub], context, sub)  # type: ignore[attr-defined]
    return found


def _section(command: click.Command, context: click.Context) -> str:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {context.command_path}\n\n```text\n{text}\n```"


if __name__ == "__main__":
    for name, content in pages().items():
        (DOCS / name).write_text(content, encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
    BENCHMARKS.write_text(benchmarks(), encoding="utf-8")
    DETECTOR.write_text(image_detector(), encoding="utf-8")
    SOUND.write_text(audio_detector(), encoding="utf-8")
    TEXT.write_text(text_detector(), encoding="utf-8")
    SCALE.write_text(scale(), encoding="utf-8")
    COOP.write_text(coop(), encoding="utf-8")
