"""Encoders of text: installed whole, checked, damaged ones refused; texts one by one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from verascope.detect.text_encoder import TOKENIZER, TextEncoder
from verascope.encoders.known import KNOWN, TEXT
from verascope.errors import ModelError

TEXTS = (
    "The ferry was late again this morning.",
    "Short.",
    "A much longer text goes on, and on, " * 40,
    "",
)


@pytest.fixture(params=list(TEXT))
def folder(request: pytest.FixtureRequest, text_home: Path) -> Path:
    return text_home / f"{request.param}-{KNOWN[request.param][0]}"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / folder.name)


def test_its_bytes_are_those_that_heads_name(folder: Path) -> None:
    described = TextEncoder(folder).description
    assert described.sha256 == TEXT[described.name].builds[described.build]
    assert TextEncoder(folder).check() > 0.9999


def test_a_vector_is_of_its_text_alone(folder: Path) -> None:
    encoder = TextEncoder(folder)
    together = encoder.vectors(TEXTS)
    assert together.shape == (len(TEXTS), sum(encoder.description.widths))
    assert np.isfinite(together).all()
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(encoder.vectors([text])[0], vector)


def test_tokens_are_those_of_the_public_vocabulary(folder: Path) -> None:
    encoder = TextEncoder(folder)
    tokenizer = json.loads((folder / TOKENIZER).read_bytes())
    names = {number: word for word, number in tokenizer["model"]["vocab"].items()}
    tokens = encoder.tokens("Once upon a time there were 42 cats.")
    words = [names[int(token)] for token in tokens]
    assert words == ["Once", "Ġupon", "Ġa", "Ġtime", "Ġthere", "Ġwere", "Ġ", "4", "2", "Ġcats", "."]
    assert len(encoder.tokens(TEXTS[2])) == encoder.description.most_tokens


@pytest.mark.parametrize("name", ["encoder.onnx", TOKENIZER])
def test_a_damaged_file_is_refused(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        TextEncoder(copy).load()


def test_it_is_listed_checked_and_accepted_by_the_head(
    text_home: Path, verascope: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERASCOPE_MODELS", str(text_home))
    listed = verascope("models", "list", "--format", "jsonl")
    rows = [json.loads(line) for line in listed.out.splitlines()]  # type: ignore[attr-defined]
    (row,) = [row for row in rows if row.get("state") == "installed"]
    assert (row["name"], row["of"]) == ("smollm2-135m", "text")
    done = verascope("models", "check", "smollm2-135m")
    assert done.code == 0 and "right" in done.out  # type: ignore[attr-defined]
