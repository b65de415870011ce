"""The options that say whose signature it is, the same for every verb that signs."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from verascope.provenance.sign import Callback

CERTIFICATES = "VERASCOPE_SIGN_CERTIFICATES"
KEY = "VERASCOPE_SIGN_KEY"
PIN = "VERASCOPE_PKCS11_PIN"
Verb = Callable[..., Any]


def signer_options(verb: Verb) -> Verb:
    """Give a verb the options that `signer` takes, as the one argument `whose`."""
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
            "--pkcs11",
            type=file,
            metavar="MODULE",
            help=f"Sign with a key store by its library, instead of --key; the PIN is in ${PIN}.",
        ),
        click.option("--token", help="The token in the key store, by its label."),
        click.option("--key-label", help="The key on the token, by its label."),
        click.option(
            "--time-stamp", metavar="URL", help="Authority to ask for a time stamp (network)."
        ),
    )

    @wraps(verb)
    def with_signer(
        certificates: str | None,
        key: str | None,
        algorithm: str,
        pkcs11: str | None,
        token: str | None,
        key_label: str | None,
        time_stamp: str | None,
        **others: Any,
    ) -> Any:
        _refuse_overwriting(others, (certificates, key, pkcs11))
        chain = _secret(certificates, CERTIFICATES, "--certificates")
        held = _callback(pkcs11, token, key_label, algorithm) if pkcs11 else None
        pem = None if held else _secret(key, KEY, "--key")
        from verascope.provenance.sign import Signer

        whose = Signer(
            chain=chain, key=pem, callback=held, algorithm=algorithm, time_stamp_url=time_stamp
        )
        return verb(whose=whose, **others)

    decorated: Verb = with_signer
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _refuse_overwriting(written: dict[str, Any], read: tuple[str | None, ...]) -> None:
    """A key is never the place for what it signs."""
    from verascope.provenance.writing import same_file

    for place in (written.get("target"), written.get("sidecar")):
        for path in read:
            if place and path and same_file(Path(place), Path(path)):
                raise click.UsageError(f"{place} would be written over {path}, which signs")


def _callback(module: str, token: str | None, label: str | None, algorithm: str) -> "Callback":
    """A key in its store, open until the verb ends."""
    from verascope.provenance.key_store import key_store

    if not token or not label or PIN not in os.environ:
        raise click.UsageError(f"--pkcs11 needs --token, --key-label and ${PIN}")
    store = key_store(module, token, label, os.environ[PIN], algorithm)
    return click.get_current_context().with_resource(store)


def _secret(path: str | None, variable: str, option: str) -> bytes:
    """PEM from a file or the environment; never from the command line, which others can see."""
    if path is not None:
        return Path(path).read_bytes()
    text = os.environ.get(variable)
    if not text:
        raise click.UsageError(f"give {option} or set {variable}")
    return text.encode()
