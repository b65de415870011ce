"""Writes the pages that are made from the code: `make docs`. A test holds them to it."""

import json
import re
from pathlib import Path
from typing import Any

import click

from verascope.cli.main import VERBS, cli
from verascope.detect.image_residual import SHIPPED
from verascope.result import SENTENCES, json_schema, status_of
from verascope.verdict import table

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
MODEL = SHIPPED / "model.json"
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
The model's card gives them with their intervals.

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
    model = json.loads(MODEL.read_bytes())
    rows = [
        f"| {name} | {_interval(figures['auroc'])} | {_interval(figures['null'])} |"
        for name, split in (
            ("sources left out of training, in turn", "leave_sources_out"),
            ("other sources, mostly other generators (dev)", "dev"),
        )
        for figures in [model["metrics"][split]["discrimination"]["equal-crops"]]
    ]
    strict, loose = model["operating_points"]
    found = model["metrics"]["dev"]["found"]["equal-crops"]["all"]
    return "\n".join(
        [
            f"`{model['name']}` {model['version']} ({model['parameters']:,} parameters), on 200-px "
            "crops of both classes after a platform's re-encoding (JPEG quality 75, 4:2:0); AUROC "
            "with its 95 % interval over sources, beside a null that sees sizes and bytes only:",
            "",
            "| pictures | AUROC | null |",
            "| --- | --- | --- |",
            *rows,
            "",
            "It is a cheap first look, not a judge: where "
            f"{_percent(strict['false_positive_rate'])} of real pictures are flagged, "
            f"{_percent(found['high_precision']['value'])} of dev's synthetic ones are; where "
            f"{_percent(loose['false_positive_rate'])}, "
            f"{_percent(found['high_recall']['value'])}. Its "
            f"[card]({(SHIPPED / 'CARD.md').relative_to(DOCS.parent)}) has every figure by source "
            "and generator, and the commands that recompute them.",
        ]
    )


def _interval(figure: dict[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['value']:.2f} ({low:.2f} to {high:.2f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


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
