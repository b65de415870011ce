"""The page: one HTML file with its style, its script and its data inside.

The script is allowed by its hash alone, nothing can be fetched, and every text of an input's is set
as text. It works from the keyboard; without scripts the counts are there, the table is not.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from verascope import __version__
from verascope.media.escape import printable
from verascope.scan.report.digest import BINS, Digest

ORDER = ("synthetic", "inconclusive", "unremarkable", "authenticated", "not judged")
WIDTH, HEIGHT = 600, 160  # of the histogram, in its own units


def page(digest: Digest, title: str, facts: dict[str, str]) -> str:
    """The page as HTML.

    Args:
        digest: what there is to say.
        title: of the page.
        facts: of the run, shown at its end: name to value.
    """
    script, style = _asset("page.js"), _asset("page.css")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    )
    name = escape(printable(title))
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{name}</title><style>{style}</style></head><body>",
            '<a class="skip" href="#table">Skip to the table</a>',
            f"<header><h1>{name}</h1>{_headline(digest)}</header><main>",
            "<section><h2>Scores</h2>",
            *_histogram(digest),
            "</section>",
            '<section class="tables">',
            _counted("Could not be judged", "reason", digest.reasons),
            _counted("Actions of the policy", "action", digest.actions),
            _counted("Content Credentials", "outcome", digest.outcomes),
            *_folders(digest),
            "</section>",
            *_table(digest),
            "</main><footer>",
            *_facts(facts),
            "</footer>",
            f'<script type="application/json" id="data">{_data(digest)}</script>',
            f"<script>{script}</script></body></html>",
        ]
    )


def _asset(name: str) -> str:
    return files("verascope.scan.report").joinpath(name).read_text(encoding="utf-8")


def _data(digest: Digest) -> str:
    """The rows, harmless inside a script element."""
    text = json.dumps({"rows": digest.rows}, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _headline(digest: Digest) -> str:
    cards = "".join(
        f'<li class="{name.replace(" ", "-")}"><b>{digest.verdicts[name]:,}</b> {name}</li>'
        for name in ORDER
        if digest.verdicts[name]
    )
    return (
        f"<p>{digest.total:,} input{'' if digest.total == 1 else 's'}. "
        "<em>Unremarkable</em> means that nothing was found, never that a thing is real.</p>"
        f'<ul class="cards">{cards}</ul>'
    )


def _histogram(digest: Digest) -> Iterator[str]:
    """Bars of scores by verdict, the thresholds as lines; the same as a table for who sees none."""
    if not digest.histogram:
        yield "<p>Nothing was scored.</p>"
        return
    names = [name for name in ORDER if name in digest.histogram]
    totals = [sum(digest.histogram[name][k] for name in names) for k in range(BINS)]
    highest = max(totals)
    yield (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img" aria-labelledby="histogram-title">'
        '<title id="histogram-title">How many inputs have which score; the table below says the '
        "same</title>"
    )
    for k in range(BINS):
        base = float(HEIGHT)
        for name in names:
            height = HEIGHT * digest.histogram[name][k] / highest
            base -= height
            if height:
                left, width = WIDTH * k / BINS, WIDTH / BINS - 1
                yield (
                    f'<rect class="{name.replace(" ", "-")}" x="{left:.1f}" y="{base:.1f}" '
                    f'width="{width:.1f}" height="{height:.1f}"/>'
                )
    for point in digest.points:
        x = WIDTH * point.threshold
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT}"/>'
    for tenth in range(0, 11, 2):
        anchor = {0: "start", 10: "end"}.get(tenth, "middle")
        yield f'<text x="{WIDTH * tenth / 10}" y="{HEIGHT + 15}" text-anchor="{anchor}">'
        yield f"{tenth / 10:g}</text>"
    yield "</svg>"
    for point in digest.points:
        share = f"{100 * point.false_positive_rate:.0f} %"
        yield (
            f"<p>Line at {point.threshold:.2f}: {escape(point.name.replace('_', ' '))}, which "
            f"{share} of real pictures reached when it was set.</p>"
        )
    yield "<details><summary>The same as a table</summary><table><caption>Scores</caption><tr>"
    yield '<th scope="col">score</th>'
    yield "".join(f'<th scope="col">{name}</th>' for name in names) + "</tr>"
    for k in range(BINS):
        if totals[k]:
            cells = "".join(f"<td>{digest.histogram[name][k]:,}</td>" for name in names)
            yield f'<tr><th scope="row">{k / BINS:.3g} to {(k + 1) / BINS:.3g}</th>{cells}</tr>'
    yield "</table></details>"


def _counted(title: str, column: str, counts: dict[str, int]) -> str:
    if not counts:
        return ""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{number:,}</td></tr>'
        for name, number in ranked
    )
    head = f'<tr><th scope="col">{column}</th><th scope="col">inputs</th></tr>'
    return f"<div><h2>{title}</h2><table><caption>{title}</caption>{head}{rows}</table></div>"


def _folders(digest: Digest) -> Iterator[str]:
    names = [name for name in ORDER if digest.verdicts[name]]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    yield (
        '<div class="wide"><h2>By folder</h2><table><caption>By folder</caption>'
        f'<tr><th scope="col">folder</th>{head}</tr>'
    )
    for folder, counts in sorted(digest.folders.items()):
        cells = "".join(f"<td>{counts[name]:,}</td>" for name in names)
        yield f'<tr><th scope="row">{escape(printable(folder))}</th>{cells}</tr>'
    yield "</table></div>"


COLUMNS = (
    ("uri", "input"),
    ("verdict", "verdict"),
    ("score", "score (95 %)"),
    ("credential", "credential"),
    ("action", "action"),
)


def _table(digest: Digest) -> Iterator[str]:
    """The frame that the script fills: filters, a page of rows, buttons to the next."""
    shown = len(digest.rows)
    rest = "" if shown == digest.total else f" The {shown:,} that matter most are listed."
    columns = [each for each in COLUMNS if each[0] != "action" or digest.actions]
    heads = "".join(
        f'<th scope="col" data-key="{key}"><button type="button">{words}</button></th>'
        for key, words in columns
    )
    yield f'<section id="table"><h2>Inputs</h2><p>{digest.total:,} inputs.{rest}</p>'
    yield "<noscript><p>The table needs scripts; the file of Results has the same.</p></noscript>"
    yield (
        '<form id="filters">'
        '<label>Name or statement contains <input type="search" name="q"></label>'
        '<label>Verdict <select name="verdict"><option value="">all</option></select></label>'
        '<label>Reason <select name="reason"><option value="">all</option></select></label>'
        '<label>Folder <select name="folder"><option value="">all</option></select></label>'
        "</form>"
        '<p id="status" role="status"></p>'
        f'<div class="scroll"><table id="rows"><caption>Inputs</caption><thead><tr>{heads}</tr>'
        "</thead><tbody></tbody></table></div>"
        '<nav aria-label="Pages of the table"><button type="button" id="previous">Previous</button>'
        '<button type="button" id="next">Next</button></nav></section>'
    )


def _facts(facts: dict[str, str]) -> Iterator[str]:
    yield f"<h2>How it was made</h2><dl><dt>Verascope</dt><dd>{__version__}</dd>"
    for name, value in facts.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(printable(value))}</dd>"
    yield "</dl>"
