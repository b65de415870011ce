"""Lines for machines: valid, flushed, and harmless in a spreadsheet."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Command
from verascope.errors import ExitCode
from verascope.result import Input, Reason, Result, Status, Verdict
from verascope.scan.outputs import FLAT, FORMULA_STARTS, Csv, JsonLines, Parquet, Sarif
from verascope.scan.tally import Tally


def result(uri: str = "a.jpg", **fields: object) -> Result:
    return Result(input=Input(uri=uri), **{"status": Status.SCORED, **fields})  # type: ignore[arg-type]


@given(st.text())
def test_a_name_is_one_line_of_json_and_comes_back(name: str) -> None:
    name = name.encode(errors="ignore").decode()
    stream = io.StringIO()
    JsonLines(stream).write(result(name, score=0.25))
    (line,) = stream.getvalue().splitlines(keepends=False)[:1]
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["input"]["uri"] == name
    assert Result.from_json(line if "\x85" not in name else stream.getvalue()).score == 0.25


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    stream = io.StringIO(newline="")
    Csv(stream).write(result(name, detail=name))
    (row,) = csv.DictReader(io.StringIO(stream.getvalue().replace("\0", ""), newline=""))
    assert not row["uri"].startswith(FORMULA_STARTS)
    assert not row["detail"].startswith(FORMULA_STARTS)


def test_a_result_reads_back_with_unknown_fields() -> None:
    line = result(verdict=Verdict.SYNTHETIC).to_json().replace(b"{", b'{"later": 1, ', 1)
    assert Result.from_json(line).verdict is Verdict.SYNTHETIC


@pytest.mark.parametrize(
    ("results", "exit_zero", "code"),
    [
        ([result(verdict=Verdict.UNREMARKABLE)], False, ExitCode.OK),
        ([result(verdict=Verdict.SYNTHETIC)], False, ExitCode.FLAGGED),
        ([result(verdict=Verdict.SYNTHETIC)], True, ExitCode.OK),
        ([result(status=Status.SKIPPED, reason=Reason.EMPTY)], False, ExitCode.OK),
        ([result(status=Status.FAILED, reason=Reason.CORRUPT)], True, ExitCode.INCOMPLETE),
        ([result(status=Status.PARTIAL, verdict=Verdict.SYNTHETIC)], False, ExitCode.INCOMPLETE),
    ],
)
def test_exit_codes(results: list[Result], exit_zero: bool, code: ExitCode) -> None:
    tally = Tally(frozenset({Verdict.SYNTHETIC}))
    for each in results:
        tally.add(each)
    assert tally.exit_code(exit_zero=exit_zero) is code
    assert tally.summary().startswith("1 input: ")


MANY = [
    result("a b.jpg", verdict=Verdict.SYNTHETIC, score=0.97, rule="score_high"),
    result("b.jpg", verdict=Verdict.INCONCLUSIVE, score=0.8),
    result("c.jpg", verdict=Verdict.UNREMARKABLE, score=0.1),
    result("d.jpg", status=Status.SKIPPED, reason=Reason.EMPTY),
    result("e.jpg", status=Status.FAILED, reason=Reason.CORRUPT, detail="=cmd()"),
]


def test_sarif_is_whole_and_says_what_was_found() -> None:
    """Against the parts of the standard that readers rely on (SARIF 2.1.0, 3.27)."""
    stream = io.StringIO()
    output = Sarif(stream)
    for each in MANY:
        output.write(each)
    output.close()
    found = json.loads(stream.getvalue())
    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    assert run["tool"]["driver"]["name"] == "verascope"
    kinds = [each["kind"] for each in run["results"]]
    assert kinds == ["fail", "review", "pass", "notApplicable", "open"]
    assert [each["level"] for each in run["results"]] == ["warning"] + ["none"] * 4
    assert all(each["message"]["text"] and each["ruleId"] for each in run["results"])
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert places[0]["artifactLocation"]["uri"] == "a%20b.jpg"


def test_sarif_without_results_is_a_document_too() -> None:
    stream = io.StringIO()
    Sarif(stream).close()
    assert json.loads(stream.getvalue())["runs"][0]["results"] == []


def test_parquet_has_typed_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    file = tmp_path / "r.parquet"
    with file.open("w") as stream:
        output = Parquet(stream)
        for each in MANY:
            output.write(each)
        output.close()
    table = parquet.read_table(file)
    assert table.column_names == list(FLAT)
    assert table["score"].to_pylist() == [0.97, 0.8, 0.1, None, None]
    assert table["verdict"].to_pylist()[:2] == ["synthetic", "inconclusive"]
    assert str(table.schema.field("bytes").type) == "int64"


@pytest.mark.parametrize("form", ["sarif", "parquet"])
def test_whole_files_on_the_command_line(
    verascope: Command, examples: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / f"r.{form}"
    photo = examples / "photographs" / "coffee.webp"
    done = verascope("scan", photo, "--quality", "fast", "--format", form, "-o", out)
    assert done.code == 0, done.err
    assert out.stat().st_size > 500
    if form == "parquet":
        assert verascope("scan", photo, "--format", form).code == 64
