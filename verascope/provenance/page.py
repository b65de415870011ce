"""A credential as one self-contained page: no script, nothing fetched, everything escaped."""

import base64
import json
from collections.abc import Iterator
from html import escape as html_escape

from verascope.media.escape import printable
from verascope.provenance import words
from verascope.provenance.inspect import Inspection, Resource
from verascope.result import Claim, Input, Manifest, Provenance, Signer

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.4rem;overflow-wrap:anywhere} 
.outcome{font-weight:bold;padding:.1em .5em;border-radius:.3em}
.trusted{background:#d7f0dc} .invalid{background:#f8d7d7} .other{background:#eee}
dt{font-weight:bold} dd{margin:0 0 .5em 1em} li.warn{color:#7a4b00}
img{max-width:12rem;max-height:12rem}
pre{overflow:auto;background:#f5f5f5;padding:1em;font-size:.8rem}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#222}
.trusted{background:#1d4a28}.invalid{background:#5a2020}.other{background:#333}li.warn{color:#e6b566}}
"""


def page(source: Input, inspection: Inspection) -> str:
    """The page, as HTML.

    Args:
        source: the file that was inspected.
        inspection: what was found.
    """
    provenance = inspection.provenance
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{_escape(source.uri)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{_escape(source.uri)}</h1>",
            _outcome(provenance),
            "<dl>",
            *_facts(source, provenance),
            "</dl>",
            *_warnings(provenance),
            *_history(provenance),
            *_pictures(inspection.resources),
            *_store(inspection.store_json),
            "</body></html>",
        ]
    )


def _outcome(provenance: Provenance) -> str:
    outcome = provenance.outcome
    style = outcome if outcome in ("trusted", "invalid") else "other"
    sentence = _escape(words.OUTCOMES[outcome])
    return f'<p><span class="outcome {style}">{outcome}</span> {sentence}</p>'


def _facts(source: Input, provenance: Provenance) -> Iterator[str]:
    facts = {
        "Why": provenance.detail,
        "SHA-256": source.sha256,
        "Type": source.media_type,
        "Signed by": _name(provenance.signer) if provenance.signer else None,
        "Known to": ", ".join(provenance.trusted_by) or ("nobody" if provenance.signer else None),
        "Lists asked": ", ".join(provenance.trust_lists) or "none",
        "Signed at": provenance.signed_at,
        "Time vouched for": ("yes" if provenance.signed_at_trusted else "no")
        if provenance.signed_at
        else None,
        "Address of the credential": provenance.remote_url,
    }
    for heading, text in facts.items():
        if text:
            yield f"<dt>{heading}</dt><dd>{_escape(text)}</dd>"


def _warnings(provenance: Provenance) -> Iterator[str]:
    if provenance.warnings:
        yield "<h2>To be known</h2><ul>"
        for warning in provenance.warnings:
            yield f'<li class="warn">{_escape(warning.statement)}</li>'
        yield "</ul>"


def _history(provenance: Provenance) -> Iterator[str]:
    if provenance.history is not None:
        yield "<h2>What it says, and what it was made from</h2><ul>"
        yield from _node(provenance.history, provenance.claims)
        yield "</ul>"


def _node(node: Manifest, claims: tuple[Claim, ...]) -> Iterator[str]:
    title = node.title or ("this file" if node.relationship is None else "something untitled")
    who = f", signed by {_name(node.signer)}" if node.signer else ""
    relation = f" ({node.relationship})" if node.relationship else ""
    yield f"<li>{_escape(title + relation + who)}"
    faults = [f"! {words.failure(code)}" for code in node.failures]
    said = [words.claimed(claim) for claim in claims if node.label and claim.manifest == node.label]
    yield "<ul>"
    yield from (f"<li>{_escape(each)}</li>" for each in dict.fromkeys(said))
    yield from (f'<li class="warn">{_escape(each)}</li>' for each in faults)
    for below in node.ingredients:
        yield from _node(below, claims)
    yield "</ul></li>"


def _pictures(resources: tuple[Resource, ...]) -> Iterator[str]:
    shown = [each for each in resources if each.media_type]
    if shown:
        yield "<h2>Thumbnails in the credential</h2>"
    for each in shown:
        data = base64.b64encode(each.data).decode()
        yield f'<p><img alt="" src="data:{each.media_type};base64,{data}"> {_escape(each.uri)}</p>'


def _store(store_json: str | None) -> Iterator[str]:
    if store_json:
        text = json.dumps(json.loads(store_json), indent=1, ensure_ascii=True)
        yield f"<details><summary>The manifest store</summary><pre>{_escape(text)}</pre></details>"


def _name(signer: Signer) -> str:
    names = [name for name in (signer.name, signer.organization) if name]
    return " / ".join(dict.fromkeys(names)) or "an unnamed signer"


def _escape(text: str) -> str:
    """Foreign text for HTML: nothing in it is markup, hides itself or turns a line around."""
    return html_escape(printable(text))
