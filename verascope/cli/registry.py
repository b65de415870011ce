"""The options that name a registry of fingerprints, the same for every verb that asks one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from verascope.result import Verification

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


def save(answer: "Verification", registry: str, folder: Path) -> None:
    """Write the manifest stores of the similar files that were found, by their hashes."""
    from verascope.provenance.registry import Registry
    from verascope.provenance.writing import write_whole

    found = answer.provenance.recovered if answer.provenance else ()
    if not found:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Registry(Path(registry)) as kept:
            for each in found:
                store = kept.store(each.manifest_sha256) or b""
                path = folder / f"{each.manifest_sha256}.c2pa"
                write_whole(path, store, keep=(Path(answer.input.uri), Path(registry)))
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error
