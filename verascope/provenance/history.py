"""What went into a file: the manifests of its store as a tree, and what failed in each.

The library counts a failure in an ingredient only if the record of that ingredient does not
mention it. A parent that was changed before it was added is therefore no failure to it; we look
into every record.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, overload

from verascope.provenance.report import RawIngredient, RawManifest, Report
from verascope.result import Extent, Manifest, Signer

MAX_NODES = 200
MAX_DEPTH = 30
MAX_TEXT = 300
MAX_CODES = 20
LABEL = re.compile(r"/c2pa/([^/]+)")
KNOWN_SIGNER = "signingCredential.trusted"
# Refuted where the library finds the signer on a list now. That a certificate had expired is not:
# nothing that the library says now would prove the opposite.
UNKNOWN_SIGNER = "signingCredential.untrusted"
KNOWN_TO = re.compile(r"found in \[([^\]]*)\]")
STAMPS = " time stamps"  # as trust.py names them to the library
# Where a failure names no manifest, it may be about any of them.
ANY = ""

# Stands where the tree is cut.
MORE = Manifest(label=None, title="and more, not shown here")

Failures = Mapping[str, tuple[str, ...]]


class Visit(NamedTuple):
    """One manifest that the file is made from, and how much of the file comes from it."""

    label: str
    manifest: RawManifest
    reach: Extent


def ingredient_failures(report: Report) -> Failures:
    """The failure codes of every manifest below the active one, recorded or found now.

    That a signer was unknown when the record was made counts only if the lists that are asked now
    do not know it either: the program that took the ingredient in may have asked no list at all.
    """
    known = set(_known_now(report))
    found: dict[str, list[str]] = defaultdict(list)
    for ingredient in _ingredients(report):
        for code in ingredient.failures():
            label = _label(code.url) or ingredient.active_manifest or ANY
            if code.code != UNKNOWN_SIGNER or label not in known:
                found[label].append(code.code)
    for delta in report.results.deltas or ():
        for code in delta.codes.failure:
            found[_label(code.url) or ANY].append(code.code)
    return {label: _few(codes) for label, codes in found.items()}


def _known_now(report: Report) -> Iterator[str]:
    """The manifests below whose signers the library finds on a list now, against their records.

    It names the list. One for time stamps is none for signers.
    """
    for delta in report.results.deltas or ():
        for code in delta.codes.success:
            label, lists = _label(code.url), KNOWN_TO.findall(code.explanation or "")
            signers = any(not each.endswith(STAMPS) for each in lists)
            if code.code == KNOWN_SIGNER and label is not None and signers:
                yield label


def _few(codes: Iterable[str]) -> tuple[str, ...]:
    """Each code once, and not too many: in a record they are whatever its writer put there."""
    return tuple(code[:100] for code in dict.fromkeys(codes))[:MAX_CODES]


def _ingredients(report: Report) -> Iterator[RawIngredient]:
    for manifest in report.manifests.values():
        yield from manifest.ingredients or ()


def _label(url: str | None) -> str | None:
    match = LABEL.search(url or "")
    return match[1] if match else None


def visits(report: Report) -> list[Visit]:
    """The active manifest and all that its media come from, each once, whole before part.

    Parents are the file itself before an edit; components are parts of it. What was only an input
    (a prompt picture) is not in the file, so it says nothing of it.
    """
    found: dict[str, Visit] = {}
    waiting = [(report.active_manifest, Extent.WHOLE)]
    while waiting:
        label, reach = waiting.pop(0)
        manifest = report.manifests.get(label or "")
        if label is None or manifest is None or label in found:
            continue
        found[label] = Visit(label, manifest, reach)
        for each in manifest.ingredients or ():
            if each.relationship == "parentOf" and reach is Extent.WHOLE:
                waiting.insert(0, (each.active_manifest, Extent.WHOLE))
            elif each.relationship != "inputTo":
                waiting.append((each.active_manifest, Extent.PART))
    return list(found.values())


def tree(report: Report, failures: Failures, signer: Signer | None) -> Manifest | None:
    """The history from the active manifest down; at most MAX_NODES nodes and MAX_DEPTH deep."""
    if report.active_manifest not in report.manifests:
        return None
    return _Tree(report, failures).node(report.active_manifest, signer)


class _Tree:
    """Builds the tree. A store may refer to itself, or to one manifest very often."""

    def __init__(self, report: Report, failures: Failures) -> None:
        self._report = report
        self._failures = failures
        self._left = MAX_NODES

    def node(
        self,
        label: str,
        signer: Signer | None,
        record: RawIngredient | None = None,
        path: tuple[str, ...] = (),
    ) -> Manifest:
        raw = self._report.manifests[label]
        title = raw.title or (record.title if record else None)
        path = (*path, label)
        self._left -= 1
        return Manifest(
            label=cut(label),
            title=cut(title),
            claim_generator=generator(raw),
            signer=signer,
            signed_at=raw.signature_info.time if raw.signature_info else None,
            relationship=record.relationship if record else None,
            failures=() if record is None else self._failures.get(label, ()),
            ingredients=tuple(self._below(raw, path)),
        )

    def _below(self, raw: RawManifest, path: tuple[str, ...]) -> Iterator[Manifest]:
        for record in raw.ingredients or ():
            if self._left <= 0 or len(path) >= MAX_DEPTH:
                yield MORE
                return
            label = record.active_manifest
            if label in self._report.manifests and label not in path:
                below = self._report.manifests[label]
                yield self.node(label, named(below, trusted=False), record, path)
            else:
                yield self._bare(record)

    def _bare(self, record: RawIngredient) -> Manifest:
        self._left -= 1
        return Manifest(
            label=None,
            title=cut(record.title),
            relationship=record.relationship,
            failures=_few(code.code for code in record.failures()),
        )


def named(manifest: RawManifest, *, trusted: bool) -> Signer | None:
    """Who signed a manifest, in the words of the certificate."""
    info = manifest.signature_info
    if info is None:
        return None
    return Signer(
        name=cut(info.common_name),
        organization=cut(info.issuer),
        trusted=trusted,
        algorithm=info.alg,
        serial_number=info.cert_serial_number,
    )


def generator(manifest: RawManifest) -> str | None:
    """The program that made a manifest, with its version, as it calls itself."""
    info = manifest.claim_generator_info
    first = info[0] if isinstance(info, list) and info else info
    if isinstance(first, dict) and isinstance(first.get("name"), str):
        version = first.get("version")
        return cut(f"{first['name']} {version}" if isinstance(version, str) else first["name"])
    return cut(manifest.claim_generator)


@overload
def cut(text: str) -> str: ...
@overload
def cut(text: None) -> None: ...
def cut(text: str | None) -> str | None:
    """A foreign string at a length that can be shown."""
    if text is None or len(text) <= MAX_TEXT:
        return text
    return text[:MAX_TEXT] + "…"
