"""The options that name a registry of fingerprints, the same for every verb that asks one."""

from collections.abc import Callable
from typing import Any

import click

Verb = Callable[..., Any]


def registry_options(verb: Verb) -> Verb:
    """Give a verb --recover and --registry."""
    recover = click.option(
        "--recover",
        is_flag=True,
        help="Where no credential holds, look for registered files that look alike.",
    )
    return recover(registry_option(verb))


def registry_option(verb: Verb) -> Verb:
    """Give a verb --registry."""
    option = click.option(
        "--registry",
        type=click.Path(dir_okay=False),
        help="The registry file, instead of the one in your data folder.",
    )
    return option(verb)


def registry_path(recover: bool, named: str | None) -> str | None:
    """The registry to ask; none unless it is asked for, by --recover or by its name."""
    if named is not None or not recover:
        return named
    from verascope.provenance.registry import default_path

    return str(default_path())
