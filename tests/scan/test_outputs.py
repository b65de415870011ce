"""Lines for machines: valid, flushed, and harmless in a spreadsheet."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verascope.errors import ExitCode
from verascope.result import Input, Reason, Result, Status, Verdict
from verascope.scan.outputs import FORMULA_STARTS, Csv, JsonLines
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
