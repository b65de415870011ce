"""The graph gives what the paper's formulas give, and these know English on the public file."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.encoders import ggufs, llama
from verascope.detect.session import load
from verascope.encoders import gguf, smollm2
from verascope.encoders.gguf import Gguf
from verascope.encoders.known import TEXT
from verascope.encoders.sound import read_source
from verascope.encoders.text import tokenizer_of

NEAR = 1e-4  # of the largest value of a tap
PROSE = (
    "The sun had set behind the hills, and the children walked home along the river. Their mother "
    "was waiting at the door with a lamp in her hand, because it was late and she was worried."
)


def random_source(layers: int = 6) -> Gguf:
    """The architecture with random weights, few words and a narrow gate; through a real file."""
    rng = np.random.default_rng(3)

    def drawn(*shape: int) -> ggufs.Tensor:
        return ggufs.halves(rng.normal(size=shape) / np.sqrt(shape[-1]))

    width, keys, gate = smollm2.WIDTH, smollm2.KEYS * smollm2.SIDE, 48
    tensors = {"token_embd.weight": drawn(50, width)}
    for layer in range(layers):
        shapes = {
            "attn_q": (width, width),
            "attn_k": (keys, width),
            "attn_v": (keys, width),
            "attn_output": (width, width),
            "ffn_gate": (gate, width),
            "ffn_up": (gate, width),
            "ffn_down": (width, gate),
        }
        tensors |= {f"blk.{layer}.{name}.weight": drawn(*each) for name, each in shapes.items()}
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{name}.weight"] = ggufs.floats(rng.uniform(0.5, 3, width))
    return gguf.read(ggufs.written({}, tensors), smollm2.wanted("layer6"))


def vectors(graph: bytes, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    session = load(graph, ("CPUExecutionProvider",), 1)
    return np.asarray(session.run(["vectors"], {"tokens": tokens})[0])


def tapped(source: Gguf, tokens: NDArray[np.int64], cut: str) -> NDArray[np.float64]:
    after = list(llama.states(source.tensors, tokens))
    return np.concatenate([llama.moments(after[layer - 1]) for layer in smollm2.CUTS[cut]])


@pytest.fixture(scope="module")
def source() -> Gguf:
    return random_source()


@pytest.fixture(scope="module")
def graph(source: Gguf) -> bytes:
    return smollm2.build(source, "layer6")


@pytest.mark.parametrize("length", [1, 2, 19, smollm2.MOST_TOKENS])
def test_the_graph_gives_what_the_formulas_give(source: Gguf, graph: bytes, length: int) -> None:
    tokens = np.random.default_rng(length).integers(0, 50, length)
    found, wanted = vectors(graph, tokens[None])[0], tapped(source, tokens, "layer6")
    assert found.dtype == np.float32 and found.shape == wanted.shape
    assert np.abs(found - wanted).max() < NEAR * np.abs(wanted).max()


def test_what_the_formulas_give_hangs_on_the_order_of_words_and_rotary_pairs(
    source: Gguf, graph: bytes
) -> None:
    """Or the test above could not see a wrong place or an unturned pair."""
    tokens = np.random.default_rng(0).integers(0, 50, 24)
    wanted = tapped(source, tokens, "layer6")
    least = 100 * NEAR * np.abs(wanted).max()
    other = np.concatenate([tokens[1::-1], tokens[2:]])
    assert np.abs(vectors(graph, other[None])[0] - wanted).max() > least
    paired = dict(source.tensors)
    for layer in range(6):
        name = f"blk.{layer}.attn_q.weight"
        paired[name] = smollm2._unpaired(paired[name], smollm2.HEADS)
    swapped = smollm2.build(Gguf({}, paired), "layer6")
    assert np.abs(vectors(swapped, tokens[None])[0] - wanted).max() > least


def test_a_text_does_not_depend_on_its_batch(graph: bytes) -> None:
    texts = np.random.default_rng(5).integers(0, 50, (3, 40))
    together = vectors(graph, texts)
    for row, text in zip(together, texts, strict=True):
        alone = vectors(graph, text[None])[0]
        assert np.abs(row - alone).max() < NEAR * np.abs(alone).max()


def test_a_build_has_the_same_bytes_each_time(source: Gguf, graph: bytes) -> None:
    assert smollm2.build(source, "layer6") == graph


def test_a_cut_needs_no_later_layer() -> None:
    needs = smollm2.wanted("layer6")
    assert needs("token_embd.weight") and needs("blk.5.attn_q.weight")
    assert not needs("blk.6.attn_q.weight") and not needs("output_norm.weight")


@pytest.fixture(scope="module")
def public(text_wheel: Path) -> Gguf:
    data = read_source(TEXT["smollm2-135m"], [text_wheel])
    return gguf.read(data, lambda name: True)


def test_the_formulas_on_the_public_file_know_english(public: Gguf) -> None:
    """Tokenizer, layout of the file, rotary pairs: were one wrong, prose would cost far more."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_str(tokenizer_of(public).decode())
    tokens = np.array(tokenizer.encode(PROSE).ids)
    assert np.exp(llama.surprise(public.tensors, tokens).mean()) < 60
    upset = np.random.default_rng(0).permutation(tokens)
    assert np.exp(llama.surprise(public.tensors, upset).mean()) > 300


@pytest.mark.parametrize("build", list(smollm2.CUTS))
def test_the_reference_that_ships_is_that_of_the_formulas(public: Gguf, build: str) -> None:
    file = Path(smollm2.__file__).parent / f"smollm2-135m-{build}.npz"
    with np.load(file) as stored:
        tokens, given = stored["tokens"], stored["vectors"][0]
    wanted = tapped(public, tokens, build)
    for k in range(0, len(given), smollm2.WIDTH):
        one, other = given[k : k + smollm2.WIDTH], wanted[k : k + smollm2.WIDTH]
        assert np.abs(one - other).max() < 1e-3 * np.abs(other).max()
