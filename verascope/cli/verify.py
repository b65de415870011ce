"""`verascope verify`: the Content Credential of each file, for people or as JSON Lines."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from verascope.cli.registry import registry_options, registry_path, save
from verascope.errors import ExitCode
from verascope.result import Outcome, Status, Verification
from verascope.settings import Online, Settings

EPILOG = """Exit codes: 0 nothing flagged; 1 an outcome in --fail-on; 2 a file could not be read, or
whether it has a credential could not be found out."""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Lists of known signers, separated by commas: official, interim, none, PATH.pem, "
    "tsa:PATH.pem (time stamps).",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="A tree for people, or one object a line for machines.",
)
@click.option(
    "--fail-on",
    default=Outcome.INVALID.value,
    show_default=True,
    help="Outcomes that make the exit code 1, separated by commas.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 also when an outcome is in --fail-on.")
@click.option(
    "--sidecar",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Check the credential in this file (.c2pa) instead of the one that FILE holds.",
)
@registry_options
@click.option(
    "--save-found",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="With --recover, write the manifest stores of the similar files there.",
)
@click.option(
    "--online",
    is_flag=True,
    help="Fetch a credential that a file points to, and ask whether a trusted signer's "
    "certificate was withdrawn (OCSP); else no network.",
)
@click.option(
    "--online-host",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="With --online, ask this host only; may be repeated.",
)
def verify(
    files: tuple[str, ...],
    trust: str,
    format_: str,
    fail_on: str,
    exit_zero: bool,
    sidecar: str | None,
    recover: bool,
    registry: str | None,
    save_found: str | None,
    online: bool,
    hosts: tuple[str, ...],
) -> int:
    """Check Content Credentials (C2PA): who signed, does it hold, what is claimed?

    \b
      verascope verify photo.jpg
      verascope verify *.jpg --format jsonl
      verascope verify photo.jpg --trust official,interim
      verascope verify photo.jpg --sidecar photo.c2pa
      verascope verify photo.jpg --recover

    Nothing is fetched without --online. One of seven outcomes for each file: none, remote_only,
    unsupported, unreadable, invalid, valid_untrusted, trusted.
    """
    flagged = _outcomes(fail_on)
    answers = []
    settings = Settings(
        trust=trust_lists(trust),
        registry=registry_path(recover, registry),
        online=Online(hosts=hosts) if online else None,
    )
    if sidecar and len(files) != 1:
        raise click.UsageError("--sidecar is for one file at a time")
    beside = _beside(Path(sidecar), settings) if sidecar else None
    for answer in _ask(files, settings, beside):
        _write(answer, format_)
        if save_found and settings.registry:
            save(answer, settings.registry, Path(save_found))
        answers.append(_code(answer, flagged))
    worst = max(answers, default=ExitCode.OK)
    return int(ExitCode.OK if exit_zero and worst is ExitCode.FLAGGED else worst)


def _beside(path: Path, settings: Settings) -> bytes:
    """The bytes of a sidecar; nothing of them is read here."""
    most = settings.limits.max_metadata_bytes
    try:
        if not path.is_file():  # a pipe or device might never end
            raise click.UsageError(f"--sidecar: {path} is no file")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise click.UsageError(f"--sidecar: {path}: {error.strerror}") from error
    if len(data) > most:
        raise click.UsageError(f"--sidecar: {path} is over {most} bytes")
    return data


def _ask(
    files: tuple[str, ...], settings: Settings, sidecar: bytes | None
) -> Iterable[Verification]:
    from verascope.scanner import Scanner

    with Scanner(settings) as scanner:
        for file in files:
            yield scanner.verify(file, sidecar=sidecar)


def _write(answer: Verification, format_: str) -> None:
    if format_ == "jsonl":
        sys.stdout.write(answer.to_json().decode() + "\n")
    else:
        from verascope.cli.credential import describe

        click.echo(describe(answer))
    sys.stdout.flush()


def _code(answer: Verification, flagged: frozenset[Outcome]) -> ExitCode:
    """What one answer does to the exit code: 2 where the answer is incomplete, else 1 or 0."""
    if answer.status in (Status.FAILED, Status.PARTIAL):
        return ExitCode.INCOMPLETE
    if answer.provenance is None:
        return ExitCode.OK
    if answer.provenance.outcome is Outcome.UNREADABLE:
        return ExitCode.INCOMPLETE
    return ExitCode.FLAGGED if answer.provenance.outcome in flagged else ExitCode.OK


def _outcomes(names: str) -> frozenset[Outcome]:
    try:
        return frozenset(Outcome(name.strip()) for name in names.split(",") if name.strip())
    except ValueError as error:
        raise click.UsageError(f"--fail-on takes {', '.join(Outcome)}: {error}") from error


def trust_lists(names: str) -> tuple[str, ...]:
    """The lists that are named, read once here so that a wrong name is said at once."""
    from verascope.cli.escape import printable
    from verascope.provenance.local_lists import ISSUED as SHIPPED
    from verascope.provenance.local_lists import facts
    from verascope.provenance.trust import resolve

    trust = tuple(name.strip() for name in names.split(",") if name.strip())
    for each in resolve(trust):
        if each.name not in SHIPPED and facts(*each).trusts_nobody:
            told = f"the list {each.name} holds no authority, so it trusts nobody"
            click.echo(printable(told), err=True)
    return trust or ("none",)
