"""Texts: tokens come back, chances add up, a choice is its own text's alone."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from verascope.errors import UsageError
from verascope.generate.contract import Budget, item_rng
from verascope.generate.files import Listed
from verascope.generate.ngram import Ngram, NgramConfig
from verascope.generate.text_sampling import Sampling, choose
from verascope.generate.text_tokens import byte_pairs, characters
from verascope.generate.texts import Texts, as_media, as_text, example_texts, learned
from verascope.provenance.text_watermark import check
from verascope.provenance.watermark_key import key_text, new_key
from verascope.train.text_corpus import TextItem, read_texts


def test_tokens_come_back() -> None:
    texts = [as_text(item.media) for item in example_texts()]
    for tokens in (characters(texts), byte_pairs(texts, 80)):
        assert tokens.decode(tokens.encode(texts[0])) == texts[0]
    assert len(byte_pairs(texts, 80).encode(texts[0])) < len(texts[0])
    assert as_text(as_media("a\U0001f3f4é")) == "a\U0001f3f4é"


def test_the_chances_of_an_ngram_add_up_to_one(tmp_path: Path) -> None:
    generator = Ngram.tiny()
    generator.train(Listed(generator.examples()), Budget(steps=1), seed=0, out=tmp_path)
    for context in generator.tokens.encode("the door and a map").reshape(-1, 2):
        assert generator.chances(context).sum() == pytest.approx(1, abs=1e-9)


def test_a_choice_is_among_the_best_and_its_own() -> None:
    logits = np.random.default_rng(0).normal(size=(6, 50))
    contexts = np.zeros((6, 4), np.int64)
    sampling = Sampling(top_k=3)
    drawn = choose(logits, contexts, [item_rng(1, k) for k in range(6)], sampling)
    alone = choose(logits[4:5], contexts[4:5], [item_rng(1, 4)], sampling)
    assert alone[0] == drawn[4]
    assert all(token in np.argsort(-row)[:3] for row, token in zip(logits, drawn, strict=True))


def test_only_real_train_texts_are_taken_and_none_twice(tmp_path: Path) -> None:
    text = "A long enough text about a door and a boat."
    lines = [f'{{"text": "{text}", "label": "{label}"}}' for label in ("real", "synthetic", "real")]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    (tmp_path / "dev.jsonl").write_text(lines[0])
    data = Texts.open(tmp_path)
    assert len(data) == 2
    found = learned(Listed([*data, *example_texts(3)]))
    assert (*found.train, *found.held_out).count(text) == 1
    (tmp_path / "train.jsonl").write_text("[")
    with pytest.raises(UsageError, match=r"train\.jsonl:1"):
        Texts.open(tmp_path)


@pytest.mark.parametrize("scheme", ["kgw", "synthid"])
def test_a_watermark_in_what_is_sampled_is_found_by_its_key(tmp_path: Path, scheme: str) -> None:
    key, other = new_key(scheme), new_key(scheme)  # type: ignore[arg-type]
    file = tmp_path / "key.toml"
    file.write_text(key_text(key))
    config = NgramConfig(order=2, characters=900, temperature=1.5, watermark=str(file))
    generator = Ngram(config)
    generator.train(Listed(generator.examples()), Budget(steps=1), seed=0, out=tmp_path / "run")
    text = "".join(as_text(item.media) for item in generator.sample(3, seed=1))
    mine, theirs = check(text, key), check(text, other)
    assert mine is not None and mine.found
    assert theirs is not None and not theirs.found


def test_a_watermark_of_words_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.toml"
    file.write_text(key_text(new_key("kgw")))
    generator = Ngram(NgramConfig(tokens="words", watermark=str(file)))
    generator.train(Listed(generator.examples()), Budget(steps=1), seed=0, out=tmp_path / "run")
    with pytest.raises(UsageError, match="characters"):
        next(generator.sample(1, seed=0))


def test_a_corpus_of_texts_is_one_that_training_reads(
    tmp_path: Path, verascope: Callable[..., object]
) -> None:
    rng, data, corpus = np.random.default_rng(2), tmp_path / "data", tmp_path / "corpus"
    words = ["a", "boat", "came", "late", "and", "the", "men", "sang", "old", "songs", "of", "rain"]
    data.mkdir()
    lines = (
        {
            "text": " ".join(rng.choice(words, 40)),
            "label": "real",
            "source": "quay",
            "split": "train",
        }
        for _ in range(80)
    )
    (data / "posts.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in lines))
    for arguments in (
        ("train", "--family", "ngram", "--out", tmp_path / "run", "--steps", "1"),
        ("corpus", "--run", tmp_path / "run", "--out", corpus, "--count", "20"),
    ):
        done = verascope("generate", *arguments, "--data", data)
        assert done.code == 0, done.err  # type: ignore[attr-defined]
    (read,) = read_texts([corpus], "train")
    real = [item for item in read.items if item.row.label == "real"]
    made = [item for item in read.items if item.row.label == "synthetic"]
    assert (len(real), len(made)) == (20, 20)
    assert {item.row.generator for item in made} == {"ngram"} and made[0].row.family == "markov"
    assert len(list((corpus / "synthetic").glob("*.txt.json"))) == 20  # who made each
    lengths = [
        [len(item.raw) for item in side if isinstance(item, TextItem)] for side in (real, made)
    ]
    assert abs(np.mean(lengths[0]) - np.mean(lengths[1])) < 8  # cut alike, at a word's end
