"""`verascope cert`: certificates to sign with."""

import errno
import os
from pathlib import Path

import click


@click.group()
def cert() -> None:
    """Certificates to sign with."""


@cert.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--name", default="Verascope development signer", help="What the signer is called.")
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=90,
    show_default=True,
    help="How long it can sign.",
)
def dev(folder: str, name: str, days: int) -> int:
    """Make a throwaway chain in FOLDER: root.pem, chain.pem and key.pem.

    Others will call what it signs `valid_untrusted`; you can trust it with
    `verascope verify --trust FOLDER/root.pem`.
    """
    from verascope.provenance.certificates import dev_chain

    made, path = dev_chain(name, days), Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        _refuse_existing(path)
        _write_new(path / "key.pem", made.key, 0o600)
        _write_new(path / "chain.pem", made.chain, 0o644)
        _write_new(path / "root.pem", made.root, 0o644)
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error
    click.echo(f"wrote {path}/root.pem, chain.pem and key.pem", err=True)
    return 0


def _refuse_existing(folder: Path) -> None:
    """Before the first of the three is written, so that half a chain is never left."""
    for name in ("key.pem", "chain.pem", "root.pem"):
        if os.path.lexists(folder / name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), folder / name)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet: a key is never overwritten, nor readable for a moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
