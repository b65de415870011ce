"""The options that say whose signature it is, the same for every verb that signs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from verascope.provenance.sign import Signer

CERTIFICATES = "VERASCOPE_SIGN_CERTIFICATES"
KEY = "VERASCOPE_SIGN_KEY"
Verb = Callable[..., Any]


def signer_options(verb: Verb) -> Verb:
    """Give a verb --certificates, --key, --algorithm and --time-stamp."""
    file = click.Path(exists=True, dir_okay=False)
    options = (
        click.option(
            "--certificates",
            type=file,
            help=f"PEM, the signer's first, then those above it; else the text in ${CERTIFICATES}.",
        ),
        click.option("--key", type=file, help=f"PEM, PKCS#8; else the text in ${KEY}."),
        click.option("--algorithm", default="es256", show_default=True, help="Fits the key."),
        click.option(
            "--time-stamp", metavar="URL", help="Authority to ask for a time stamp (network)."
        ),
    )
    for option in reversed(options):
        verb = option(verb)
    return verb


def signer(
    certificates: str | None, key: str | None, algorithm: str, time_stamp: str | None
) -> "Signer":
    """The signer that the options name."""
    from verascope.provenance.sign import Signer

    return Signer(
        chain=_secret(certificates, CERTIFICATES, "--certificates"),
        key=_secret(key, KEY, "--key"),
        algorithm=algorithm,
        time_stamp_url=time_stamp,
    )


def _secret(path: str | None, variable: str, option: str) -> bytes:
    """PEM from a file or the environment; never from the command line, which others can see."""
    if path is not None:
        return Path(path).read_bytes()
    text = os.environ.get(variable)
    if not text:
        raise click.UsageError(f"give {option} or set {variable}")
    return text.encode()
