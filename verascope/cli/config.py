"""Settings from files: verascope.toml or pyproject.toml where one stands; flags win over all.

In order: the defaults, the file, the environment (VERASCOPE_SCAN_QUALITY=fast), the flags. The file
has a table a verb, with the names of its options:

    [scan]
    quality = "fast"
    jobs = 4
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from verascope.errors import UsageError

FILES = (("verascope.toml", ()), ("pyproject.toml", ("tool", "verascope")))  # and the table in it


def default_map(named: str | None, verbs: "click.Group") -> tuple[dict[str, Any], Path | None]:
    """What a settings file says for each verb, and which file that is.

    Args:
        named: by --config; else one of FILES in the current folder.
        verbs: the commands, whose options may be set.

    Raises:
        UsageError: the file cannot be read, or sets what there is not.
    """
    for file, table in [(Path(named), ())] if named else ((Path(f), t) for f, t in FILES):
        if not named and not file.is_file():
            continue
        found = _table(file, table if file.name != "pyproject.toml" else FILES[1][1])
        if found or named:
            return _checked(file, found, verbs), file
    return {}, None


def settings_lines(ctx: click.Context) -> Iterator[str]:
    """Each option of a verb with its value and where that is from, for --show-settings."""
    for option in ctx.command.params:
        if isinstance(option, click.Option) and option.name and option.expose_value:
            source = ctx.get_parameter_source(option.name)
            words = source.name.lower().replace("_", " ") if source else "default"
            yield f"{option.opts[0].lstrip('-')} = {ctx.params.get(option.name)!r}  ({words})"


def split(names: str) -> tuple[str, ...]:
    """What an option names with commas between."""
    return tuple(name for name in map(str.strip, names.split(",")) if name)


def _table(file: Path, path: tuple[str, ...]) -> dict[str, Any]:
    import tomllib

    try:
        found: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error
    for key in path:
        found = found.get(key, {})
    return dict(found)


def _checked(file: Path, found: dict[str, Any], group: click.Group) -> dict[str, Any]:
    """The file's tables with the names that click has for options."""
    checked: dict[str, Any] = {}
    context = click.Context(group)
    for name, value in found.items():
        command = group.get_command(context, name)
        if command is None or not isinstance(value, dict):
            known = ", ".join(group.list_commands(context))
            raise UsageError(f"{file}: [{name}] is no verb; there are {known}")
        if isinstance(command, click.Group):
            checked[name] = _checked(file, value, command)
            continue
        options = {
            text.lstrip("-"): option.name
            for option in command.params
            if isinstance(option, click.Option)
            for text in option.opts
        }
        unknown = sorted(value.keys() - options.keys())
        if unknown:
            raise UsageError(f"{file}: [{name}] sets {unknown[0]!r}, which is no option of it")
        checked[name] = {options[key]: each for key, each in value.items()}
    return checked
