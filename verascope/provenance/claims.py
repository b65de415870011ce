"""What a credential claims of the making of its media: captured, generated, edited."""

from collections.abc import Iterator
from typing import Any

from verascope.provenance import words
from verascope.provenance.history import ANY, Failures, Visit, cut
from verascope.provenance.report import RawManifest
from verascope.result import Claim, Extent

MAX_CLAIMS = 100
ACTION_LABELS = ("c2pa.actions", "c2pa.actions.v2")
TRAINING_LABELS = ("cawg.training-mining", "c2pa.training-mining")
PREFIX = "c2pa."
CREATED = "c2pa.created"


def claims(visits: list[Visit], failures: Failures, *, trusted: bool) -> tuple[Claim, ...]:
    """The claims of every manifest that the file comes from, the newest first, each once.

    At most MAX_CLAIMS; those of AI are kept first, then those with a source type.

    Args:
        visits: the manifests, the active one first.
        failures: what failed in those below it.
        trusted: whether the active manifest's signer is trusted. One below is believed where the
            active one is, and neither its signer nor anyone since found a fault with it.
    """
    found: dict[Claim, None] = {}
    for number, visit in enumerate(visits):
        faults = failures.get(visit.label, ()) + failures.get(ANY, ())
        believed = trusted and (number == 0 or not faults)
        found.update(dict.fromkeys(_of(visit, trusted=believed)))
    if len(found) <= MAX_CLAIMS:
        return tuple(found)
    # Too many: how it was made must not be hidden behind a hundred croppings.
    return tuple(sorted(found, key=_weight))[:MAX_CLAIMS]


def _weight(claim: Claim) -> tuple[bool, bool]:
    return claim.source_type not in words.AI_TYPES, claim.source_type is None


def _of(visit: Visit, *, trusted: bool) -> Iterator[Claim]:
    info = visit.manifest.signature_info
    signer = cut(info.common_name or info.issuer) if info else None
    for action in _actions(visit.manifest):
        name = str(action.get("action", ""))[:100]
        source_type = _source_type(action)
        kind, statement = _words(name, source_type)
        yield Claim(
            kind=kind,
            statement=statement + _agent(action),
            action=name or None,
            source_type=source_type,
            extent=_extent(name, source_type, visit.reach),
            manifest=cut(visit.label),
            signer=signer,
            trusted=trusted,
        )
    for statement in _training(visit.manifest):
        yield Claim(
            kind="other",
            statement=statement,
            extent=visit.reach,
            manifest=cut(visit.label),
            signer=signer,
            trusted=trusted,
        )


def _training(manifest: RawManifest) -> Iterator[str]:
    """What the signer allows others to do with the media, in words."""
    for assertion in manifest.assertions or ():
        if assertion.label not in TRAINING_LABELS or not isinstance(assertion.data, dict):
            continue
        entries = assertion.data.get("entries")
        for key, entry in entries.items() if isinstance(entries, dict) else ():
            doing = words.TRAINING.get(str(key).rpartition(".")[2])
            use = words.USES.get(str(entry.get("use"))) if isinstance(entry, dict) else None
            if doing and use:
                yield f"{doing}: {use}"


def _actions(manifest: RawManifest) -> Iterator[dict[str, Any]]:
    """Every action, and every template for actions, of a manifest."""
    for assertion in manifest.assertions or ():
        if assertion.label.partition("__")[0] not in ACTION_LABELS:
            continue
        data = assertion.data if isinstance(assertion.data, dict) else {}
        for key in ("actions", "templates"):
            entries = data.get(key)
            if isinstance(entries, list):
                yield from (each for each in entries if isinstance(each, dict))


def _source_type(action: dict[str, Any]) -> str | None:
    """The declared digital source type; some writers put it in parameters."""
    parameters = action.get("parameters")
    below = parameters.get("digitalSourceType") if isinstance(parameters, dict) else None
    value = action.get("digitalSourceType") or below
    if not isinstance(value, str) or not value.strip():
        return None
    return words.source_type(value)


def _words(action: str, source_type: str | None) -> tuple[str, str]:
    """A Claim's kind and statement."""
    short = action.removeprefix(PREFIX)
    kind, done = words.ACTIONS.get(short, ("other", f"the action “{cut(action)}”"))
    if source_type is None:
        return kind, done
    known = words.SOURCE_TYPES.get(source_type)
    if known is None:
        return kind, f"{done}, of a source type unknown to us (“{source_type}”)"
    if action == CREATED:
        return known.kind, known.statement
    return known.kind, f"{done}: {known.statement}"


def _agent(action: dict[str, Any]) -> str:
    """With what it was done and how the signer describes it; both are free text."""
    agent = action.get("softwareAgent")
    if isinstance(agent, dict):
        agent = agent.get("name")
    parts = [f", with {cut(agent)}"] if isinstance(agent, str) and agent else []
    description = action.get("description")
    if isinstance(description, str) and description:
        parts.append(f" (“{cut(description)}”)")
    return "".join(parts)


def _extent(action: str, source_type: str | None, reach: Extent) -> Extent:
    """Whole only where the media itself, or what it grew from, was created so."""
    if source_type in words.AI_PART:
        return Extent.PART
    if source_type == words.AI_WHOLE and action != CREATED:
        return Extent.PART
    if source_type in words.CAPTURE_TYPES and action != CREATED:
        return Extent.PART
    return reach
