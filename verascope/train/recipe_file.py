"""Recipes by name or from a TOML file, the same for every kind of training."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from verascope.errors import UsageError

AnyRecipe = TypeVar("AnyRecipe", bound=Struct)


def recipe_of(name: str, known: Mapping[str, AnyRecipe]) -> AnyRecipe:
    """One of the known recipes, or a TOML file of their kind, whose keys replace its defaults.

    Raises:
        UsageError: there is no such recipe, or a key or value of the file does not fit.
    """
    if name in known:
        return known[name]
    file = Path(name)
    if not file.is_file():
        raise UsageError(f"no recipe {name!r}: there are {', '.join(known)}, or a TOML file")
    try:
        return msgspec.toml.decode(file.read_bytes(), type=type(next(iter(known.values()))))
    except msgspec.DecodeError as error:
        raise UsageError(f"{file}: {error}") from error
