"""What a credential shall say, in the words of C2PA, checked before it is signed.

The library signs any string as an action or a source type, and leaves out what it does not know.
"""

from typing import Any, NamedTuple

from msgspec import Struct

from verascope import __version__
from verascope.errors import UsageError
from verascope.provenance import words
from verascope.provenance.examine import PARENT

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/{}"
C2PA_SOURCE_TYPE = "http://c2pa.org/digitalsourcetype/{}"
C2PA_TYPES = frozenset({"empty", "trainedAlgorithmicData"})
# What begins a manifest is written here; what is placed or removed would need a file of its own.
OURS = frozenset({"created", "opened", "placed", "removed"})


class Action(NamedTuple):
    """One thing that was done to the media: its name, and how the new part of it was made.

    `name` is without the prefix `c2pa.`; `source_type` is the last word of an IPTC term.
    """

    name: str
    source_type: str | None = None


class Declaration(Struct, frozen=True, kw_only=True):
    """What the credential shall say.

    Attributes:
        source_type: how the media was made, last word of an IPTC term; begins a new history. None:
            the file was opened and edited, and itself or a parent that is named is its past.
        update: only the credential changes, the media does not; the file has one already.
        actions: what was done to it since; a name without the prefix `c2pa.`, or an Action.
        title: what the file is called.
        software: what made or edited it.
        training: what others may do with it, by words.TRAINING, to one of words.USES.
        thumbnail: put a small picture into the credential; the library takes 50 ms for one.
    """

    source_type: str | None = None
    update: bool = False
    actions: tuple[str | Action, ...] = ()
    title: str | None = None
    software: str | None = None
    training: dict[str, str] = {}
    thumbnail: bool = False


def check(declaration: Declaration) -> None:
    """Refuse what means nothing.

    Raises:
        UsageError: a word is unknown, or an update says how the media was made.
    """
    for each in (declaration.source_type, *(a.source_type for a in _actions(declaration))):
        if each is not None and each not in words.SOURCE_TYPES:
            known = ", ".join(words.SOURCE_TYPES)
            raise UsageError(f"unknown source type {each}: use {known}")
    for action in _actions(declaration):
        if action.name not in words.ACTIONS or action.name in OURS:
            known = ", ".join(name for name in words.ACTIONS if name not in OURS)
            raise UsageError(f"unknown action {action.name}: use one of {known}")
    for key, use in declaration.training.items():
        if key not in words.TRAINING or use not in words.USES:
            raise UsageError(f"unknown choice {key}={use}")
    if declaration.update and declaration.source_type is not None:
        raise UsageError("an update says nothing of how the media was made")


def manifest(declaration: Declaration) -> dict[str, Any]:
    """The manifest as the library takes it; it ignores keys that it does not know."""
    agent = {"softwareAgent": declaration.software} if declaration.software else {}
    begins = _begins(declaration)
    actions = [begins | (agent if declaration.source_type else {})] if begins else []
    actions += [
        {"action": f"c2pa.{each.name}", **_source(each.source_type), **agent}
        for each in _actions(declaration)
    ]
    assertions: list[dict[str, Any]] = []
    if actions:
        assertions.append({"label": "c2pa.actions", "data": {"actions": actions}})
    if declaration.training:
        entries = {f"cawg.{key}": {"use": use} for key, use in declaration.training.items()}
        assertions.append({"label": "cawg.training-mining", "data": {"entries": entries}})
    found = {
        "claim_generator_info": [{"name": "Verascope", "version": __version__}],
        "assertions": assertions,
    }
    return found | ({"title": declaration.title} if declaration.title else {})


def _begins(declaration: Declaration) -> dict[str, Any]:
    """The action that a manifest begins with; empty for an update, which the library opens."""
    if declaration.update:
        return {}
    if declaration.source_type is not None:
        return {"action": "c2pa.created", **_source(declaration.source_type)}
    return {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}}


def _actions(declaration: Declaration) -> list[Action]:
    return [each if isinstance(each, Action) else Action(each) for each in declaration.actions]


def _source(source_type: str | None) -> dict[str, str]:
    if source_type is None:
        return {}
    form = C2PA_SOURCE_TYPE if source_type in C2PA_TYPES else SOURCE_TYPE
    return {"digitalSourceType": form.format(source_type)}
