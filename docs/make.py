"""Writes the pages that are made from the code: `make docs`. A test holds them to it."""

import json
from pathlib import Path

import click

from verascope.cli.main import VERBS, cli
from verascope.result import SENTENCES, json_schema, status_of
from verascope.verdict import table

DOCS = Path(__file__).parent

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
