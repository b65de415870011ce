"""The page for people: right counts, nothing fetched, usable in a real browser."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import Command
from verascope.result import Evidence, Input, Reason, Result, Status, Strength, Supports, Verdict
from verascope.scan.report.digest import digest, folder_of
from verascope.scan.report.page import page
from verascope.scan.report.thumbnails import thumbnails

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
Browser = Callable[..., str]


def result(number: int, **fields: object) -> Result:
    score = number % 100 / 100
    verdict = Verdict.SYNTHETIC if score > 0.9 else Verdict.UNREMARKABLE
    statement = Evidence(
        kind="detector",
        supports=Supports.NEUTRAL,
        strength=Strength.WEAK,
        statement=f"said {number}",
    )
    given = {
        "input": Input(uri=f"folder-{number % 7}/{number:06}.jpg", width=8, height=9),
        "status": Status.SCORED,
        "verdict": verdict,
        "score": score,
        "interval": (score, score),
        "evidence": (statement,),
    }
    return Result(**(given | fields))  # type: ignore[arg-type]


FAILED = result(
    1, status=Status.FAILED, reason=Reason.CORRUPT, verdict=None, score=None, interval=None
)


@pytest.fixture(scope="session")
def browser() -> Browser:
    """The page's elements after its script ran, in headless Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium here")

    def dump(file: Path, fragment: str = "", *more: str) -> str:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
        done = subprocess.run(
            [program, *options, *more, "--dump-dom", f"file://{file}#{fragment}"],
            capture_output=True,
            timeout=120,
            check=True,
        )
        return done.stdout.decode()

    return dump


def written(tmp_path: Path, results: list[Result], rows: int = 10_000) -> Path:
    file = tmp_path / "page.html"
    file.write_text(page(digest(results, rows), "A scan", {"command": "verascope scan"}))
    return file


def test_everything_is_counted_and_what_matters_most_is_listed() -> None:
    found = digest([*map(result, range(1000)), FAILED], most_rows=100)
    assert found.total == 1001
    assert found.verdicts == {"synthetic": 90, "unremarkable": 910, "not judged": 1}
    assert found.reasons == {"failed: corrupt": 1}
    assert sum(map(sum, found.histogram.values())) == 1000
    listed = [row["verdict"] for row in found.rows]
    assert (listed.count("synthetic"), listed.count("failed"), len(listed)) == (90, 1, 100)
    assert sum(sum(counts.values()) for counts in found.folders.values()) == 1001


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("a/b/c.jpg", "a/b"),
        ("c.jpg", "."),
        ("a/b.zip#in/c.jpg", "a/b.zip"),
        ("s3://b/k.jpg", "s3://b"),
    ],
)
def test_the_folder_of_an_input(uri: str, folder: str) -> None:
    assert folder_of(uri) == folder


class _Elements(HTMLParser):
    """Names and attributes of all elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_nothing_is_fetched_and_nothing_of_an_input_is_markup(tmp_path: Path) -> None:
    hostile = result(1, input=Input(uri=HOSTILE), detail=HOSTILE)
    text = page(digest([hostile], 10), HOSTILE, {"command": HOSTILE})
    elements = _Elements(text).found
    assert [tag for tag, _ in elements].count("script") == 2
    assert not [tag for tag, _ in elements if tag in ("img", "link", "iframe", "object")]
    assert not [
        at for _, at in elements if {"src", "href"} & at.keys() and at.get("href") != "#table"
    ]
    assert "default-src 'none'" in text


def test_tables_and_controls_have_names(tmp_path: Path) -> None:
    """What a screen reader needs: captions, header cells with their scope, labels, a language."""
    text = written(tmp_path, [result(k) for k in range(20)]).read_text()
    elements = _Elements(text).found
    tags = [tag for tag, _ in elements]
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in at for tag, at in elements if tag == "th")
    assert tags.count("label") == tags.count("select") + tags.count("input")
    assert ("html", {"lang": "en"}) in elements
    assert any(at.get("role") == "status" for _, at in elements)


def test_in_a_browser_it_sorts_filters_and_shows_a_page(browser: Browser, tmp_path: Path) -> None:
    file = written(tmp_path, [*map(result, range(10_000)), FAILED])
    text = browser(file)
    assert "Showing 1 to 50 of 10,000" in text  # the least interesting one is only counted
    assert len(re.findall(r'<td data-label="verdict">', text)) == 50
    assert 'data-key="score" aria-sort="descending"' in text
    assert re.search(r"data-ready-ms=\"\d+\"", text)
    assert "Showing 1 to 50 of 900" in browser(file, "verdict=synthetic")
    assert "Showing 51 to 100 of 900" in browser(file, "verdict=synthetic&page=1")
    assert "Showing 1 to 1 of 1<" in browser(file, "reason=corrupt")
    assert "Showing 1 to 1 of 1<" in browser(file, "q=said 4711")
    assert "Nothing fits" in browser(file, "q=no such thing")
    first = re.search(r"<tbody>.*?(folder-\d/\d+\.jpg)", browser(file, "sort=uri&down=false"))
    assert first is not None and first[1] == "folder-0/000000.jpg"


def test_in_a_browser_a_hostile_name_is_text(browser: Browser, tmp_path: Path) -> None:
    text = browser(written(tmp_path, [result(1, input=Input(uri=HOSTILE), detail=HOSTILE)]))
    assert "<title>A scan</title>" in text
    assert "&lt;img src=x onerror" in text


def test_thumbnails_come_from_an_isolated_worker(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    names = [
        str(examples / "photographs" / "coffee.webp"),
        str(tmp_path / "cut.jpg"),
        str(tmp_path / "missing.jpg"),
        str(examples / "photographs" / "rocket.jpg"),
    ]
    found = list(thumbnails(names))
    assert [each is not None for each in found] == [True, False, False, True]
    assert str(found[0]).startswith("data:image/jpeg;base64,")


def test_the_command(verascope: Command, examples: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    verascope("scan", examples, "--quality", "fast", "--run", run, "--exit-zero")
    done = verascope("report", run, "--thumbnails", "5", "--title", "Ours")
    assert (done.code, done.out.strip()) == (0, str(run / "report.html"))
    text = (run / "report.html").read_text()
    data = re.search(r'id="data">(.*?)</script>', text)
    assert data is not None
    rows = json.loads(data[1])["rows"]
    assert len(rows) == len((run / "results.jsonl").read_bytes().splitlines())
    assert sum("thumb" in row for row in rows) == 5
    assert "<title>Ours</title>" in text
    assert verascope("report", tmp_path / "none").code == 64
