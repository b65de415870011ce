"""`verascope inspect`: all that is in a file's Content Credential."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verascope.cli.verify import trust_lists
from verascope.errors import ExitCode
from verascope.result import Outcome
from verascope.settings import Limits, Settings

if TYPE_CHECKING:
    from verascope.cli.inspect_worker import Answer
    from verascope.provenance.inspect import Inspection

SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", None: ".bin"}


@click.command(
    epilog="Exit codes: 0 shown, or there is none; 2 the file or its credential could not be read."
)
@click.argument("file", metavar="FILE")
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Lists of known signers, as for verify.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False), help="Write a self-contained HTML page there."
)
@click.option(
    "--extract",
    type=click.Path(file_okay=False),
    help="Write the manifest store and its thumbnails into this folder.",
)
def inspect(file: str, trust: str, report: str | None, extract: str | None) -> int:
    """Show the raw manifest store of a file, as JSON.

    \b
      verascope inspect photo.jpg
      verascope inspect photo.jpg --report photo.html
      verascope inspect photo.jpg --extract parts/

    What it holds is the signers' own text and may name people and places.
    """
    answer = _ask(file, trust_lists(trust))
    if answer.inspection is None:
        _say_why(answer)
        return int(ExitCode.INCOMPLETE)
    if report:
        from verascope.provenance.page import page

        _write(Path(report), page(answer.input, answer.inspection).encode(), Path(file))
    if extract:
        _extract(answer.inspection, Path(extract), Path(file))
    if not report and not extract:
        _show(answer.inspection)
    if answer.inspection.no_report is not None:
        _say(f"{answer.input.uri}: no report on its credential: {answer.inspection.no_report}")
        return int(ExitCode.INCOMPLETE)
    unreadable = answer.inspection.provenance.outcome is Outcome.UNREADABLE
    return int(ExitCode.INCOMPLETE if unreadable else ExitCode.OK)


def _ask(file: str, trust: tuple[str, ...]) -> "Answer":
    import msgspec

    from verascope.cli.inspect_worker import FUNCTION, Answer, Ask
    from verascope.errors import InputTrouble
    from verascope.media.sandbox import Sandbox
    from verascope.result import Input
    from verascope.scanner import uri_of

    limits = Limits()
    request = Ask(os.fsencode(file), uri_of(file), trust, limits)
    try:
        with Sandbox(
            FUNCTION, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.stage_timeout_s
        ) as sandbox:
            (message,) = sandbox.call(msgspec.msgpack.encode(request))
    except InputTrouble as trouble:
        source = Input(uri=request.uri)
        return Answer(input=source, reason=trouble.reason, detail=trouble.detail)
    return msgspec.msgpack.decode(message.data, type=Answer)


def _say_why(answer: "Answer") -> None:
    from verascope.result import SENTENCES

    sentence = SENTENCES[answer.reason] if answer.reason else ""
    _say(f"{answer.input.uri}: {sentence} {answer.detail or ''}")


def _say(text: str) -> None:
    from verascope.media.escape import printable

    click.echo(printable(text), err=True)


def _show(inspection: "Inspection") -> None:
    """JSON in ASCII: escapes are JSON's own, so nothing in it can steer a terminal."""
    provenance = inspection.provenance
    if inspection.store_json is None:
        from verascope.provenance.words import OUTCOMES

        click.echo(f"{provenance.outcome}: {OUTCOMES[provenance.outcome]}", err=True)
        return
    store = json.loads(inspection.store_json)
    click.echo(json.dumps({"outcome": provenance.outcome, **store}, indent=1, ensure_ascii=True))


def _extract(inspection: "Inspection", folder: Path, source: Path) -> None:
    """Files are numbered: no name from inside a credential becomes a path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot write {folder}: {error.strerror}") from error
    if inspection.store is not None:
        _write(folder / "manifest.c2pa", inspection.store, source)
    for number, resource in enumerate(inspection.resources):
        _write(folder / f"{number:03d}{SUFFIXES[resource.media_type]}", resource.data, source)


def _write(path: Path, data: bytes, source: Path) -> None:
    from verascope.provenance.writing import write_whole

    write_whole(path, data, keep=(source,))
