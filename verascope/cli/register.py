"""`verascope register`: signed files into the local registry, to be found when stripped."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verascope.cli.registry import registry_option
from verascope.cli.verify import trust_lists
from verascope.errors import ExitCode
from verascope.settings import Settings

if TYPE_CHECKING:
    from verascope.provenance.recovery import Registration

SHA256 = re.compile("[0-9a-f]{64}")


@click.command(epilog="Exit codes: 0 all are registered; 2 one could not be.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Lists of known signers, as for verify: the registry keeps what they said.",
)
@click.option(
    "--forget", is_flag=True, help="Take files out instead, by their SHA-256 as `recovered` has it."
)
@registry_option
def register(files: tuple[str, ...], trust: str, forget: bool, registry: str | None) -> int:
    """Keep the fingerprints of signed pictures and recordings, with their credentials, here.

    \b
      verascope register signed.jpg
      verascope verify copy-from-a-platform.jpg --recover

    A platform that strips a credential leaves the content; its fingerprint finds the credential
    again. Recordings need libchromaprint (Debian: libchromaprint1). What is found is said of a
    similar file, never of the one that was asked about.
    """
    from verascope.provenance.registry import Registry, default_path
    from verascope.scanner import Scanner

    path = Path(registry) if registry else default_path()
    if forget:
        return _forget(path, files)
    refused = False
    settings = Settings(trust=trust_lists(trust))
    with Registry(path, create=True) as kept, Scanner(settings) as scanner:
        for file in files:
            answer = scanner.register(file, kept)
            refused |= answer.refused is not None
            _say(answer)
    return int(ExitCode.INCOMPLETE if refused else ExitCode.OK)


def _forget(path: Path, hashes: tuple[str, ...]) -> int:
    """Take files out of a registry that is there."""
    from verascope.provenance.registry import Registry

    for each in hashes:
        if not SHA256.fullmatch(each):
            raise click.UsageError(f"--forget takes SHA-256 hashes, not {each!r}")
    absent = False
    with Registry(path, write=True) as kept:
        for each in hashes:
            known = kept.forget(each)
            absent |= not known
            click.echo(f"{each}: {'forgotten' if known else 'is not registered'}")
    return int(ExitCode.INCOMPLETE if absent else ExitCode.OK)


def _say(answer: "Registration") -> None:
    from verascope.cli.escape import printable

    said = "registered" if answer.new else "was registered before"
    if answer.refused is not None:
        said = f"not registered: {answer.refused.strip()}"
    click.echo(printable(f"{answer.input.uri}: {said}"))
