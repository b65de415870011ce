"""Items as labels of the AT Protocol (com.atproto.label.defs#label), for a labeler to serve.

The platform gives an item's address as its context: {"uri": "at://…", "cid": "…"}. A label is bound
to the cid, so that an edited post does not keep it; when a later item of the same address is judged
otherwise, the earlier label is taken back (`neg`).
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from verascope.result import Extent, Outcome, Result, Verdict
from verascope.serve.store import Item

VERSION = 1  # of the label format
LABELS = {
    "ai-generated": "Made by a machine",
    "ai-altered": "A part was made by a machine",
    "provenance-verified": "A trusted signature holds",
    "provenance-broken": "A signature does not hold",
}


def labels(items: Iterable[Item], source: str) -> Iterator[dict[str, Any]]:
    """The labels of judged items, in their order, with those that take earlier ones back.

    Args:
        items: done, oldest first; those whose context is no address are passed over.
        source: the DID of the labeler.
    """
    current: dict[str, dict[str, str | None]] = {}  # address to label to the cid it is bound to
    for item in items:
        address = _address(item)
        if address is None or item.result is None or item.finished_at is None:
            continue
        uri, cid = address
        wanted = _values(Result.from_json(item.result))
        held = current.setdefault(uri, {})
        for value in [each for each in held if each not in wanted or held[each] != cid]:
            yield _label(source, uri, held.pop(value), value, item.finished_at, negated=True)
        for value in wanted:
            if value not in held:
                held[value] = cid
                yield _label(source, uri, cid, value, item.finished_at)


def definitions() -> list[dict[str, Any]]:
    """What a labeler declares of its labels (labelValueDefinitions)."""
    return [
        {
            "identifier": name,
            "severity": "inform",
            "blurs": "none",
            "defaultSetting": "warn" if name.startswith("ai-") else "ignore",
            "adultOnly": False,
            "locales": [{"lang": "en", "name": words, "description": f"{words}, by Verascope."}],
        }
        for name, words in LABELS.items()
    ]


def _values(result: Result) -> list[str]:
    """The labels that a Result carries."""
    found = []
    if result.verdict is Verdict.SYNTHETIC:
        found.append("ai-altered" if result.extent is Extent.PART else "ai-generated")
    outcome = result.provenance.outcome if result.provenance else None
    if outcome is Outcome.TRUSTED:
        found.append("provenance-verified")
    if outcome is Outcome.INVALID:
        found.append("provenance-broken")
    return found


def _address(item: Item) -> tuple[str, str | None] | None:
    context = None if item.context is None else msgspec.json.decode(item.context)
    if not isinstance(context, dict) or not isinstance(context.get("uri"), str):
        return None
    uri, cid = context["uri"], context.get("cid")
    if not uri.startswith(("at://", "did:")) or not isinstance(cid, str | None):
        return None
    return uri, cid


def _label(
    source: str, uri: str, cid: str | None, value: str, at: float, *, negated: bool = False
) -> dict[str, Any]:
    created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"
    label: dict[str, Any] = {
        "ver": VERSION,
        "src": source,
        "uri": uri,
        "val": value,
        "cts": created,
    }
    if cid is not None:
        label["cid"] = cid
    if negated:
        label["neg"] = True
    return label
