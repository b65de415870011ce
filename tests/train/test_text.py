"""`train text` from a corpus of drawn posts to a model folder that a scan runs."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from verascope.detect.model_folder import ModelFolder
from verascope.errors import UsageError
from verascope.train.calibrate import SourceCap, calibration, operating_points
from verascope.train.text_corpus import covered, read_texts

PEOPLE = ("bus", "rain", "boots", "mum", "chips", "late", "grand", "nan", "shed", "dog", "kettle")
CHAT = ("furthermore", "crucial", "landscape", "foster", "essential", "innovation", "seamless")
LINK = ("the", "a", "of", "to", "in", "and", "was", "with", "for", "on")


def post(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    sentences = [
        " ".join(rng.choice([*words, *LINK, *LINK], 9)).capitalize() + "."
        for _ in range(int(rng.integers(2, 7)))
    ]
    return " ".join(sentences)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("posts")
    rng = np.random.default_rng(1)
    for split, sources in (("train", ("one", "two", "three")), ("dev", ("four",))):
        with gzip.open(folder / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
            for source in sources:
                for i in range(60):
                    made = i % 2 == 1
                    row = {
                        "id": f"{source}-{i}",
                        "text": post(rng, CHAT if made else PEOPLE),
                        "label": "synthetic" if made else "real",
                        "source": source,
                        "generator": "a-model" if made else "",
                        "family": ("rnn" if i % 12 == 1 else "llm") if made else "",
                        "language": "en",
                    }
                    out.write(json.dumps(row) + "\n")
    return folder


def test_training_gives_a_folder_that_scans(
    corpus: Path, tmp_path: Path, verascope: Callable[..., object]
) -> None:
    run = tmp_path / "run"
    done = verascope(
        "train", "text", "--corpus", corpus, "--out", run, "--recipe", "tiny", "--refit"
    )
    assert done.code == 0, done.err  # type: ignore[attr-defined]
    described = ModelFolder(run / "model").description
    assert set(described.metrics) == {"leave_sources_out", "dev", "refit"}
    for split in ("leave_sources_out", "dev"):
        found = described.metrics[split]["discrimination"]["clean"]
        assert found["auroc"]["value"] > 0.95 > found["null"]["value"]
    assert described.posts is not None
    assert "incoherent" not in described.metrics["dev"]["auroc_by_family"]
    text = tmp_path / "post.txt"
    text.write_text(post(np.random.default_rng(9), CHAT) * 3)
    said = verascope("scan", "--detector", run / "model", text, "--format", "jsonl", "--exit-zero")
    (line,) = said.out.splitlines()  # type: ignore[attr-defined]
    assert json.loads(line)["detectors"][0]["name"] == "text-style"


def test_evaluate_gives_the_figures_of_the_training_again(
    corpus: Path, tmp_path: Path, verascope: Callable[..., object]
) -> None:
    run = tmp_path / "run"
    done = verascope("train", "text", "--corpus", corpus, "--out", run, "--recipe", "tiny")
    assert done.code == 0, done.err  # type: ignore[attr-defined]
    again = verascope("train", "evaluate", run / "model", "--corpus", corpus)
    assert again.code == 0, again.err  # type: ignore[attr-defined]
    wanted = ModelFolder(run / "model").description.metrics["dev"]["discrimination"]["clean"]
    found = json.loads(again.out)["discrimination"]["clean"]  # type: ignore[attr-defined]
    assert found["auroc"] == wanted["auroc"]
    assert found["null"] == wanted["null"]


def test_one_source_cannot_be_left_out(corpus: Path, tmp_path: Path) -> None:
    from verascope.train.text import TextRun, train_text
    from verascope.train.text_recipe import TINY

    alone = tmp_path / "alone"
    alone.mkdir()
    with gzip.open(corpus / "dev.jsonl.gz", "rt") as lines:
        (alone / "train.jsonl").write_text("".join(lines))
    with pytest.raises(UsageError, match="two sources"):
        train_text(TextRun([alone], tmp_path / "out", TINY))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "train.jsonl:1"),
        ('{"text": 1, "label": "real"}', "a text"),
        ('{"text": "x"}', "label"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    (tmp_path / "train.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=what):
        read_texts([tmp_path], "train")


def test_plain_files_are_a_corpus_too(tmp_path: Path) -> None:
    for label in ("real", "synthetic"):
        folder = tmp_path / label / "some-source"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("Some words of a text.")
    (corpus,) = read_texts([tmp_path], "train")
    items = covered([corpus])
    assert [(i.row.label, i.row.source) for i in items] == [
        ("real", "some-source"),
        ("synthetic", "some-source"),
    ]


def test_no_source_hides_behind_the_others() -> None:
    rng = np.random.default_rng(0)
    logits = np.concatenate(
        [rng.normal(0, 1, 2000), rng.normal(1.5, 1, 300), rng.normal(3, 1, 500)]
    )
    synthetic = np.arange(2800) >= 2300
    sources = ["calm"] * 2000 + ["formal"] * 300 + ["model"] * 500
    fitted = calibration(synthetic, logits, sources)
    free = operating_points(fitted, synthetic, logits, sources)[0]
    capped = operating_points(fitted, synthetic, logits, sources, SourceCap(2.0, 200))[0]
    scores = np.array([fitted(logit).score for logit in logits[2000:2300]])
    assert (scores >= free.threshold).mean() > 0.02 >= (scores >= capped.threshold).mean()


def test_the_shared_corpus_is_read_by_split(shared: Path) -> None:
    folder = shared.parent / "text"  # beside the corpus of pictures
    train, dev = (read_texts([folder], split)[0] for split in ("train", "dev"))
    assert (len(train.items), len(dev.items)) == (16_605, 9_783)
    assert not {i.row.source for i in train.items} & {i.row.source for i in dev.items}
    assert all(not item.row.source.startswith("wmt24") for item in covered([train, dev]))
