"""An encoder that a user brings: any ONNX graph of pictures, by a small protocol.

Name, input side, mean, std, and the tensors to tap. The rest of the graph is cut away.
"""

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, helper

from verascope.detect.encoder import Encoder, EncoderDescription, installed
from verascope.detect.session import load
from verascope.detect.views import square
from verascope.encoders.graph import POOLED, Rows, Triple, prune, replace, take_pixels
from verascope.encoders.install import Report, reference_of, reference_pixels, silent, store
from verascope.encoders.known import CLIP, OWN
from verascope.encoders.stage import stage
from verascope.errors import UsageError

LEAST_COSINE = 0.999  # of the same build on another machine
LEAST_OPSET = 13  # Unsqueeze takes its axes as a tensor from there on
LARGEST_BYTES = 2**31 - 1  # of a graph in one file
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Plan:
    """What must be known of a graph to make an encoder of it.

    Attributes:
        name: of the encoder, such as dinov3-base.
        side: of its input, in pixels.
        mean, std: of each channel, of values 0 to 1.
        taps: tensors of the graph, float32 [n, tokens, width] or [n, width], all of one width.
        pooled: what becomes of the tokens: those of POOLED that are wanted.
        prefix: how many tokens come before those of the patches: class token and registers.
        source: where the graph is from, in words.
        licence: of the weights, in words.
    """

    name: str
    side: int
    mean: Triple
    std: Triple
    taps: tuple[str, ...]
    pooled: tuple[str, ...] = POOLED
    prefix: int = 1
    source: str = "a file of the user's"
    licence: str = "not stated"


def install_own(
    model: ModelProto, plan: Plan, home: Path | None = None, report: Report = silent
) -> Encoder:
    """Make an encoder of a graph and store it. Its reference is what this very build gives here.

    Args:
        model: one input, float32 [n, 3, side, side]; it is changed.
        plan: what to make of it.
        home: where models lie; None is the user's cache.
        report: is told what happens, a line each time.

    Raises:
        UsageError: graph and plan do not fit together; the message says how.
    """
    _check_plan(plan)
    target = installed(plan.name, OWN, home)
    digest = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    report(f"building {plan.name} from {plan.source}. Licence: {plan.licence}")
    graph, rows, width = build(model, plan)
    pixels = square(reference_pixels()[0], plan.side)[None]
    found = _run(graph, ["taps"], pixels)[0]
    lengths = np.linalg.norm(found, axis=-1)
    if not np.isfinite(lengths).all() or not lengths.all():
        bad = [rows[k] for k in np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0))[0])]
        raise UsageError(f"{plan.name}: zero or not finite on a picture: {', '.join(bad)}")
    reference = reference_of(found, pixels, list(range(len(rows))))
    described = EncoderDescription(
        name=plan.name,
        build=OWN,
        sha256=hashlib.sha256(graph).hexdigest(),
        side=plan.side,
        mean=plan.mean,
        std=plan.std,
        taps=rows,
        width=width,
        source=plan.source,
        source_sha256=digest,
        licence=plan.licence,
        reference_sha256=hashlib.sha256(reference).hexdigest(),
        least_cosine=LEAST_COSINE,
    )
    with stage(target.parent) as folder:
        store(described, graph, reference, folder, target, report)
    return Encoder(target)


def build(model: ModelProto, plan: Plan) -> tuple[bytes, tuple[str, ...], int]:
    """The encoder's graph, the names of its taps, and their width. `model` is changed.

    Raises:
        UsageError: graph and plan do not fit together.
    """
    graph, opset = model.graph, opset_of(model)
    take_weights_for_granted(graph)
    _check_input(graph, plan.side)
    check_taps(graph, plan.taps)
    take_pixels(graph, plan.side, plan.mean, plan.std)
    shapes = _shapes(model, plan)
    widths = {shape[-1] for shape in shapes.values()}
    if len(widths) != 1 or not all(len(shape) in (2, 3) for shape in shapes.values()):
        told = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise UsageError(f"taps must be [n, tokens, width] or [n, width], of one width: {told}")
    tokens = [name for name in plan.taps if len(shapes[name]) == 3]
    for name in tokens:
        if shapes[name][1] <= plan.prefix or ("class" in plan.pooled and not plan.prefix):
            raise UsageError(
                f"{name} has {shapes[name][1]} tokens; with --prefix {plan.prefix} "
                f"{', '.join(plan.pooled)} cannot all be taken of them"
            )
    rows = Rows(graph, opset, plan.prefix)
    names: list[str] = []
    for number, name in enumerate(plan.taps):
        if name in tokens:
            rows.of_tokens(name, f"tap_{number}", plan.pooled)
            names += [f"{name} {what}" for what in POOLED if what in plan.pooled]
        else:
            rows.of_vector(name, f"tap_{number}")
            names.append(name)
    width = widths.pop()
    rows.give(width, _patches(plan, tokens, shapes))
    prune(graph)
    return bytes(model.SerializeToString(deterministic=True)), tuple(names), width


def read(file: Path) -> ModelProto:
    """An ONNX file, with weights that lie beside it.

    Raises:
        UsageError: it is none.
    """
    try:
        model = onnx.load(file)
        if model.ByteSize() > LARGEST_BYTES:
            raise ValueError("larger than 2 GB")
    except Exception as error:  # protobuf's errors have no public base
        raise UsageError(f"{file}: not an ONNX file that can be used ({error})") from error
    return model


def _check_plan(plan: Plan) -> None:
    if plan.name == CLIP or not NAME.fullmatch(plan.name):
        raise UsageError(f"{plan.name!r} cannot be an encoder's name: small letters, digits, . _ -")
    if unknown := set(plan.pooled) - set(POOLED):
        raise UsageError(f"--pooled knows {', '.join(POOLED)}, not {', '.join(sorted(unknown))}")
    if not plan.taps or not plan.pooled or len(set(plan.taps)) < len(plan.taps):
        raise UsageError("an encoder needs taps, each named once, and something pooled of them")
    if not all(np.isfinite(plan.mean)) or not all(0 < std < np.inf for std in plan.std):
        raise UsageError("mean and std are three numbers each; std is above 0")


def opset_of(model: ModelProto) -> int:
    """The opset of a graph.

    Raises:
        UsageError: it is too old.
    """
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    if opset < LEAST_OPSET:
        raise UsageError(f"the graph is of opset {opset}; export it with {LEAST_OPSET} or later")
    return int(opset)


def take_weights_for_granted(graph: GraphProto) -> None:
    """Some exporters list weights among the inputs; onnxruntime could not fold them then."""
    weights = {tensor.name for tensor in graph.initializer}
    replace(graph.input, [each for each in graph.input if each.name not in weights])


def _check_input(graph: GraphProto, side: int) -> None:
    if len(graph.input) != 1:
        names = ", ".join(each.name for each in graph.input)
        raise UsageError(f"the graph must have one input, the picture; it has {names or 'none'}")
    tensor = graph.input[0].type.tensor_type
    dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    wanted = [1, 3, side, side]
    fits = len(dims) == 4 and all(d in (None, w) for d, w in zip(dims, wanted, strict=True))
    if tensor.elem_type != TensorProto.FLOAT or not fits:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        told = ["?" if d is None else d for d in dims]
        raise UsageError(f"the input must be float [n, 3, {side}, {side}]; it is {kind} {told}")


def check_taps(graph: GraphProto, taps: tuple[str, ...]) -> None:
    """Hold taps to a graph's tensors.

    Raises:
        UsageError: there is no such tensor; the message names near ones.
    """
    tensors = [name for node in graph.node for name in node.output if name]
    for name in taps:
        if name not in tensors:
            near = difflib.get_close_matches(name, tensors, 5, 0.3)
            outputs = [output.name for output in graph.output]
            raise UsageError(
                f"the graph has no tensor {name!r}. Near: {', '.join(near) or 'none'}; "
                f"its outputs: {', '.join(outputs)}"
            )


def _shapes(model: ModelProto, plan: Plan) -> dict[str, tuple[int, ...]]:
    """The taps' shapes on one picture: found by running the graph, since many do not state them."""
    probe = ModelProto()
    probe.CopyFrom(model)
    values = (helper.make_tensor_value_info(t, TensorProto.FLOAT, None) for t in plan.taps)
    replace(probe.graph.output, values)
    prune(probe.graph)
    pixels = np.zeros((1, plan.side, plan.side, 3), np.uint8)
    found = _run(bytes(probe.SerializeToString()), list(plan.taps), pixels)
    return {name: each.shape for name, each in zip(plan.taps, found, strict=True)}


def _run(graph: bytes, outputs: list[str], pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    try:
        session = load(graph, ("CPUExecutionProvider",), 1)
        return list(session.run(outputs, {"pixels": pixels}))
    except Exception as error:  # onnxruntime's errors have no public base
        raise UsageError(f"onnxruntime cannot run the graph: {error}") from error


def _patches(
    plan: Plan, tokens: list[str], shapes: dict[str, tuple[int, ...]]
) -> tuple[str, int] | None:
    """Those two thirds up, where they still tell of their place (CLIP's block 8 of 12)."""
    if not tokens:
        return None
    name = tokens[2 * len(tokens) // 3]
    return f"tap_{plan.taps.index(name)}", shapes[name][1] - plan.prefix
