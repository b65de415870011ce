"""Watermarks of text: found by their key alone, as often by chance as they say."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verascope.errors import UsageError
from verascope.provenance.mark import Declared
from verascope.provenance.marks import evidence
from verascope.provenance.text_watermark import (
    check,
    check_tokens,
    greens,
    mark,
    needed,
    tournament,
)
from verascope.provenance.watermark_key import WatermarkKey, key_text, load_key, new_key
from verascope.result import Strength

KEY = WatermarkKey(key="0123456789abcdef" * 2)
SYNTHID = WatermarkKey(key="0123456789abcdef" * 2, scheme="synthid")
OTHER = WatermarkKey(key="f" * 32)
LETTERS = np.array([ord(c) for c in "abcdefghijklmnopqrstuvwxyz      "])


def written(key: WatermarkKey, count: int, seed: int = 0, share: float = 1.0) -> np.ndarray:
    """Letters, of which a share are the best of four drawn ones by the key."""
    rng = np.random.default_rng(seed)
    tokens = list(rng.choice(LETTERS, key.context))
    while len(tokens) < count:
        drawn = rng.choice(LETTERS, 4)
        context = np.array(tokens[-key.context :])[None]
        if rng.random() < share:
            if key.scheme == "kgw":
                liked = greens(key, context, drawn[None])[0].astype(float)
            else:
                liked = tournament(key, context, drawn[None])[0].mean(1)
            drawn = drawn[np.argsort(-liked)]
        tokens.append(int(drawn[0]))
    return np.array(tokens)


@pytest.mark.parametrize("key", [KEY, SYNTHID], ids=["kgw", "synthid"])
def test_a_marked_text_is_found_by_its_key_alone(key: WatermarkKey) -> None:
    tokens = written(key, 200)
    mine = check_tokens(tokens, key)
    assert mine is not None and mine.found and mine.mean > mine.expected
    other = WatermarkKey(key=OTHER.key, scheme=key.scheme)
    theirs = check_tokens(tokens, other)
    assert theirs is not None and not theirs.found


@pytest.mark.parametrize("scheme", ["kgw", "synthid"])
def test_unmarked_text_is_taken_for_marked_no_oftener_than_it_says(scheme: str) -> None:
    values = []
    for seed in range(300):
        key = WatermarkKey(key=f"{seed:032x}", scheme=scheme)  # type: ignore[arg-type]
        found = check_tokens(np.random.default_rng(seed).choice(LETTERS, 150), key)
        assert found is not None
        values.append(found.p)
    for level in (0.01, 0.1):
        share = float(np.mean(np.array(values) <= level))
        assert share <= level + 3 * math.sqrt(level * (1 - level) / len(values))


def test_repeats_prove_nothing() -> None:
    tokens = np.random.default_rng(3).choice(LETTERS, 60)
    once, often = check_tokens(tokens, KEY), check_tokens(np.tile(tokens, 40), KEY)
    assert once is not None and often is not None
    assert often.tokens <= once.tokens + KEY.context
    assert not often.found


def test_a_marked_passage_in_a_longer_text_is_found_in_its_window() -> None:
    plain = np.random.default_rng(1).choice(LETTERS, 1500)
    passage = written(KEY, 220, seed=2)
    found = check_tokens(np.concatenate([plain[:900], passage, plain[900:]]), KEY)
    assert found is not None and found.found and found.span is not None
    assert found.span[0] >= 850 and found.span[1] <= 1170


def test_chance_is_that_of_a_binomial() -> None:
    tokens = written(KEY, 300, share=0.3)
    found = check_tokens(tokens, KEY)
    assert found is not None
    hits = round(found.mean * found.tokens)
    exact = sum(math.comb(found.tokens, k) for k in range(hits, found.tokens + 1)) / 2**found.tokens
    assert found.p <= 2 * exact * (1 + 1e-6)
    assert found.z == pytest.approx((hits - found.tokens / 2) / (0.5 * math.sqrt(found.tokens)))


def test_needed_says_how_much_more_would_be() -> None:
    assert needed(KEY, 0.65) == math.ceil((4 * 0.5 / 0.15) ** 2)  # 178, the published table's
    assert needed(KEY, 0.5) is None


def test_what_a_key_shows_is_strong_evidence_and_what_it_does_not_is_none() -> None:
    text = "".join(map(chr, written(KEY, 300)))
    yes, no, short = (mark(check(t, k), k) for t, k in ((text, KEY), (text, OTHER), ("abc", KEY)))
    assert (yes.declared, no.declared, short.declared) == (
        Declared.AI,
        Declared.OTHER,
        Declared.OTHER,
    )
    (shown,) = evidence((yes,))
    assert shown.strength is Strength.STRONG and "not signed" not in shown.statement


@given(st.text(max_size=300))
def test_any_text_can_be_checked(text: str) -> None:
    for key in (KEY, SYNTHID):
        found = check(text, key)
        assert found is None or 0 <= found.p <= 1


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key.toml"
    made = new_key("synthid")
    file.write_text(key_text(made))
    assert load_key(file) == made
    file.write_text("key = 'x'")
    with pytest.raises(UsageError, match="no key"):
        load_key(file)
    with pytest.raises(UsageError):
        load_key(tmp_path / "none.toml")


def test_a_scan_with_the_key_tells_of_it(tmp_path: Path, verascope: Callable[..., object]) -> None:
    pytest.importorskip("fasttext")
    key, text = tmp_path / "key.toml", tmp_path / "post.txt"
    made = verascope("generate", "watermark-key", "--out", key)
    assert made.code == 0 and key.stat().st_mode & 0o077 == 0  # type: ignore[attr-defined]
    text.write_text("".join(map(chr, written(load_key(key), 400))))
    done = verascope("scan", text, "--quality", "fast", "--watermark-key", key, "--format", "jsonl")
    (line,) = done.out.splitlines()  # type: ignore[attr-defined]
    (told,) = [one for one in json.loads(line)["evidence"] if one["kind"] == "mark"]
    assert told["details"]["mark"] == "text_watermark"
    assert told["strength"] == "strong" and told["supports"] == "synthetic"
