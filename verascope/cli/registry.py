"""The options that name a registry of fingerprints, the same for every verb that asks one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from verascope.provenance.registry import Registry
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
    """Write the manifest stores of the similar files that were found, by their hashes.

    One that the registry cannot give is said, and the other files' go on.
    """
    from verascope.provenance.registry import Registry
    from verascope.provenance.writing import write_whole

    found = answer.provenance.recovered if answer.provenance else ()
    if not found:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Registry(Path(registry)) as kept:
            for each in found:
                store = _store(kept, each.manifest_sha256)
                path = folder / f"{each.manifest_sha256}.c2pa"
                if store is not None:
                    write_whole(path, store, keep=(Path(answer.input.uri), Path(registry)))
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error


def _store(registry: "Registry", sha256: str) -> bytes | None:
    from verascope.errors import UsageError

    try:
        store = registry.store(sha256)
        trouble = "it is damaged"
    except UsageError as error:
        store, trouble = None, str(error)
    if store is None:
        click.echo(f"the manifest store {sha256} was not saved: {trouble}", err=True)
    return store
