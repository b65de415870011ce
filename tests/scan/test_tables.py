"""Tables of texts: one Result a row, in order, resumable; authors put together."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from verascope.detect import registry
from verascope.detect.model_folder import ModelFolder, Posts
from verascope.result import Reason, Result, Status
from verascope.scan.authors import Authors, needed, spread, stretched
from verascope.scan.pool import Pool
from verascope.scan.walk import Walk, expand
from verascope.settings import Quality, Settings

Command = Callable[..., object]
FAST = Settings(quality=Quality.FAST)
CHATTY = (
    "In conclusion, it is important to consider a wide range of perspectives. By fostering open "
    "dialogue and embracing innovation, communities can ensure a brighter future for everyone, "
    "while also addressing the unique challenges that lie ahead in case {}."
)
PLAIN = (
    "ok so the bus never came, we walked the last {} miles in the rain and my left boot let water "
    "in. mum laughed. i did not, at least not till the chips turned up."
)

pytest.importorskip("fasttext", reason="the extra `text` is not installed")


def scanned(path: Path, walk: Walk | None = None, jobs: int = 2) -> list[Result]:
    with Pool(FAST, jobs) as pool:
        return list(pool.run(expand([str(path)], walk)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "posts.jsonl"
    lines = [
        json.dumps({"text": (CHATTY if i % 2 else PLAIN).format(i), "who": f"u{i % 3}"})
        for i in range(600)
    ]
    lines[5], lines[6] = "{", json.dumps({"text": "too short"})
    file.write_text("\n".join(lines) + "\n")
    return file


def test_each_row_has_a_result_in_its_place(table: Path) -> None:
    results = scanned(table)
    assert [result.input.part for result in results] == [f"row={i}" for i in range(1, 601)]
    assert results[0].input.uri == f"{table}#row=1"
    assert (results[5].status, results[5].reason) == (Status.FAILED, Reason.CORRUPT)
    assert results[6].reason is Reason.TOO_SHORT
    scores = [r.score for r in results if r.score is not None]
    assert len(scores) == 598
    assert np.mean(scores[7::2]) > np.mean(scores[8::2]) + 0.2


def test_a_row_is_judged_as_the_same_text_in_a_file(table: Path, tmp_path: Path) -> None:
    row = scanned(table)[1]
    alone = tmp_path / "one.txt"
    alone.write_text(json.loads(table.read_text().splitlines()[1])["text"])
    (single,) = scanned(alone)
    assert single.score == pytest.approx(row.score, abs=1e-6)
    assert (single.verdict, single.input.sha256) == (row.verdict, row.input.sha256)


def test_csv_without_the_column_is_no_table_of_texts(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("a,b\n1,2\n")
    (result,) = scanned(file)
    assert result.reason is Reason.UNSUPPORTED_TYPE
    from verascope.scan.tables import TableOptions

    (named,) = scanned(file, Walk(tables=TableOptions(text="c")))
    assert named.reason is Reason.UNSUPPORTED_TYPE
    assert "it has a, b" in (named.detail or "")


def test_a_run_over_a_table_goes_on_where_it_was(
    table: Path, tmp_path: Path, verascope: Callable[..., object]
) -> None:
    run = tmp_path / "run"
    arguments = ("scan", table, "--quality", "fast", "--run", run, "-q", "--exit-zero")
    verascope(*arguments)
    lines = (run / "results.jsonl").read_text().splitlines()
    assert len(lines) == 600
    verascope(*arguments, "--resume")
    assert (run / "results.jsonl").read_text().splitlines() == lines
    with table.open("a") as more:
        more.write(json.dumps({"text": PLAIN.format(9)}) + "\n")
    verascope(*arguments, "--resume")
    assert len((run / "results.jsonl").read_text().splitlines()) == 601


def test_posts_of_an_author_come_to_one_result(
    table: Path, verascope: Callable[..., object]
) -> None:
    done = verascope(
        "scan", table, "--quality", "fast", "--by", "who", "--format", "jsonl", "--exit-zero"
    )
    rows = [json.loads(line) for line in done.out.splitlines()]  # type: ignore[attr-defined]
    nobody, authors = rows[:2], rows[2:]  # the two broken rows name no author
    assert {row["input"]["author"] for row in nobody} == {None}
    assert [row["input"]["author"] for row in authors] == ["u0", "u1", "u2"]
    (told,) = [one for one in authors[0]["evidence"] if one["kind"] == "author"]
    assert told["details"]["posts"] == 199
    assert set(told["details"]["posts_needed"]) == {"high_precision", "high_recall"}


KNOWN = Posts(mean=-2.0, correlation=0.1)


def test_without_correlation_k_posts_are_worth_the_root_of_k() -> None:
    free = Posts(mean=-2.0, correlation=0.0)
    assert spread(9, free) == pytest.approx(1 / 3)
    assert stretched(-1.0, 9, free) == pytest.approx(-2.0 + 3.0)
    assert spread(10**9, KNOWN) == pytest.approx(math.sqrt(0.1), rel=1e-3)
    assert stretched(0.5, 1, KNOWN) == 0.5


@pytest.mark.parametrize("mean", [-1.9, -1.0, 0.0, 0.9])
def test_so_many_posts_as_are_needed_reach_the_point_and_one_fewer_does_not(mean: float) -> None:
    count = needed(mean, 1.0, KNOWN)
    if count is None:
        assert stretched(mean, 10**6, KNOWN) < 1.0
    else:
        assert stretched(mean, count, KNOWN) >= 1.0 - 1e-9
        assert count == 1 or stretched(mean, count - 1, KNOWN) < 1.0


def test_shipped_detectors_of_text_know_how_posts_go_together() -> None:
    for name in ("text-style", "text-smollm"):
        folder = registry.build(name, registry.BUILT_IN[name]).folder  # type: ignore[attr-defined]
        assert isinstance(folder, ModelFolder)
        assert folder.description.posts is not None


def test_rows_without_an_author_are_nobodys(table: Path) -> None:
    authors = Authors()
    for result in scanned(table)[:10]:
        authors.add(result)
    assert list(authors.results()) == []
