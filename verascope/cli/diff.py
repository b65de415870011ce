"""`verascope diff`: what a pipeline took away of a file's origin."""

import click

from verascope.cli.escape import printable
from verascope.cli.verify import trust_lists
from verascope.errors import ExitCode
from verascope.settings import Quality, Settings


@click.command(
    epilog="Exit codes: 0 nothing was lost; 1 something was; 2 a file could not be read."
)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Lists of known signers, as for verify.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def diff(before: str, after: str, trust: str, form: str) -> int:
    """Say what AFTER lost of BEFORE's credential and marks; for the tests of a pipeline.

    A new credential that has the old one among its ingredients has lost nothing. Marks without a
    signature (metadata that declares AI, and the like) count too.

    \b
      verascope diff upload.jpg served.jpg
    """
    import msgspec

    from verascope.provenance.compare import losses
    from verascope.result import Status
    from verascope.scanner import Scanner

    with Scanner(Settings(quality=Quality.FAST, trust=trust_lists(trust))) as scanner:
        first, second = (scanner.scan(path) for path in (before, after))
    for result in (first, second):
        if result.status is Status.FAILED and result.provenance is None:
            name = printable(result.input.uri)
            click.echo(f"{name}: {result.reason} {result.detail or ''}".rstrip(), err=True)
            return int(ExitCode.INCOMPLETE)
    found = losses(first, second)
    if form == "json":
        click.echo(msgspec.json.encode({"lost": found}).decode())
    else:
        for loss in found:
            click.echo(f"{loss.code:<13} {printable(loss.statement)}")
        if not found:
            click.echo("nothing was lost", err=True)
    return int(ExitCode.FLAGGED if found else ExitCode.OK)
