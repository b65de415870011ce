"""An encoder of sound that a user brings: any ONNX graph of waves, such as wav2vec 2.0 or WavLM.

Name and tensors to tap are all that must be known; of each tap's frames the mean and the deviation
over time are taken, and the rest of the graph is cut away.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from verascope.detect.encoder import installed
from verascope.detect.session import load
from verascope.detect.sound_encoder import RATE, SoundEncoder, SoundEncoderDescription
from verascope.encoders.graph import Rows, node, prune, replace
from verascope.encoders.install import Report, silent, store
from verascope.encoders.known import CLIP, OWN, SOUND
from verascope.encoders.own import (
    LEAST_COSINE,
    NAME,
    check_taps,
    opset_of,
    take_weights_for_granted,
)
from verascope.encoders.sound_graph import QUIETEST, SAMPLES
from verascope.encoders.spectral import clips
from verascope.encoders.stage import stage
from verascope.errors import UsageError


@dataclass(frozen=True)
class SoundPlan:
    """What must be known of a graph to make an encoder of sound of it.

    Attributes:
        name: of the encoder, such as wavlm-base.
        taps: tensors of the graph, float32 [n, frames, width] or [n, width].
        level: root mean square that each clip is brought to; 1 is what wav2vec 2.0's own
            normalisation gives.
        source: where the graph is from, in words.
        licence: of the weights, in words.
    """

    name: str
    taps: tuple[str, ...]
    level: float = 1.0
    source: str = "a file of the user's"
    licence: str = "not stated"


def install_own_sound(
    model: ModelProto, plan: SoundPlan, home: Path | None = None, report: Report = silent
) -> SoundEncoder:
    """Make an encoder of a graph and store it. Its reference is what this very build gives here.

    Args:
        model: one input, float32 [n, samples], 16 kHz; it is changed.
        plan: what to make of it.
        home: where models lie; None is the user's cache.
        report: is told what happens, a line each time.

    Raises:
        UsageError: graph and plan do not fit together; the message says how.
    """
    if plan.name in (CLIP, *SOUND) or not NAME.fullmatch(plan.name):
        raise UsageError(f"{plan.name!r} cannot be an encoder's name: small letters, digits, . _ -")
    if not plan.taps or len(set(plan.taps)) < len(plan.taps) or not 0 < plan.level < np.inf:
        raise UsageError("an encoder needs taps, each named once, and a level above 0")
    target = installed(plan.name, OWN, home)
    digest = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    report(f"building {plan.name} from {plan.source}. Licence: {plan.licence}")
    samples = clips()[:1]
    graph, widths = build(model, plan, samples)
    vectors = _run(graph, ["vectors"], samples)[0]
    if not np.isfinite(vectors).all() or not np.linalg.norm(vectors):
        raise UsageError(f"{plan.name}: zero or not finite on a recording")
    with stage(target.parent) as folder:
        np.savez_compressed(folder / "drawn.npz", samples=samples, vectors=vectors)
        reference = (folder / "drawn.npz").read_bytes()
        (folder / "drawn.npz").unlink()
        described = SoundEncoderDescription(
            name=plan.name,
            build=OWN,
            sha256=hashlib.sha256(graph).hexdigest(),
            rate=RATE,
            taps=plan.taps,
            widths=widths,
            source=plan.source,
            source_sha256=digest,
            licence=plan.licence,
            reference_sha256=hashlib.sha256(reference).hexdigest(),
            least_cosine=LEAST_COSINE,
        )
        store(described, graph, reference, folder, target, report)
    return SoundEncoder(target)


def build(
    model: ModelProto, plan: SoundPlan, samples: NDArray[np.int16]
) -> tuple[bytes, tuple[int, ...]]:
    """The encoder's graph and the width of each tap's vector. `model` is changed.

    Args:
        model: see install_own_sound.
        plan: what to make of it.
        samples: int16 [1, m], on which the taps' shapes are found: many graphs do not state them.

    Raises:
        UsageError: graph and plan do not fit together.
    """
    graph = model.graph
    rows = Rows(graph, opset_of(model), 0)
    take_weights_for_granted(graph)
    _check_input(graph)
    check_taps(graph, plan.taps)
    _take_samples(graph, rows, plan.level)
    shapes = _shapes(model, plan, samples)
    if not all(len(shape) in (2, 3) for shape in shapes.values()):
        told = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise UsageError(f"taps must be [n, frames, width] or [n, width]: {told}")
    for number, (name, shape) in enumerate(shapes.items()):
        if len(shape) == 3:
            rows.of_tokens(name, f"tap_{number}", ("mean", "deviation"))
        else:
            rows.of_vector(name, f"tap_{number}")
    graph.node.append(node("Concat", rows.names, "joined", axis=2))
    graph.node.append(node("Flatten", ["joined"], "vectors", axis=1))
    _give(graph, ("vectors",))
    widths = tuple(shape[-1] * (len(shape) - 1) for shape in shapes.values())
    return bytes(model.SerializeToString(deterministic=True)), widths


def _take_samples(graph: GraphProto, rows: Rows, level: float) -> None:
    """Make `samples`, int16 [n, m], the input: as floats, each clip at one level."""
    old = graph.input[0].name
    constants = {"full": 1 / 2**15, "quietest": QUIETEST, "level": level}
    graph.initializer.extend(
        numpy_helper.from_array(np.array([value], np.float32), f"samples_{name}")
        for name, value in constants.items()
    )
    nodes = [
        node("Cast", ["samples"], "samples_cast", to=TensorProto.FLOAT),
        node("Mul", ["samples_cast", "samples_full"], "samples_wave"),
        node("Mul", ["samples_wave", "samples_wave"], "samples_squared"),
        rows.mean("samples_squared", "samples_power"),
        node("Sqrt", ["samples_power"], "samples_root"),
        node("Max", ["samples_root", "samples_quietest"], "samples_rms"),
        node("Div", ["samples_level", "samples_rms"], "samples_gain"),
        node("Mul", ["samples_wave", "samples_gain"], old),
    ]
    replace(graph.node, [*nodes, *graph.node])
    replace(graph.input, [SAMPLES])


def _check_input(graph: GraphProto) -> None:
    if len(graph.input) != 1:
        names = ", ".join(each.name for each in graph.input)
        raise UsageError(f"the graph must have one input, the wave; it has {names or 'none'}")
    tensor = graph.input[0].type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT or len(tensor.shape.dim) != 2:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        told = f"{kind} of {len(tensor.shape.dim)} dimensions"
        raise UsageError(f"the input must be float [n, samples], 16 kHz; it is {told}")


def _shapes(
    model: ModelProto, plan: SoundPlan, samples: NDArray[np.int16]
) -> dict[str, tuple[int, ...]]:
    """The taps' shapes on one recording."""
    probe = ModelProto()
    probe.CopyFrom(model)
    _give(probe.graph, plan.taps)
    found = _run(bytes(probe.SerializeToString()), list(plan.taps), samples)
    return {name: each.shape for name, each in zip(plan.taps, found, strict=True)}


def _give(graph: GraphProto, names: tuple[str, ...]) -> None:
    """Make some tensors the outputs, and cut the rest away."""
    values = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    replace(graph.output, values)
    prune(graph)


def _run(graph: bytes, outputs: list[str], samples: NDArray[np.int16]) -> list[NDArray[np.float32]]:
    try:
        session = load(graph, ("CPUExecutionProvider",), 1)
        return list(session.run(outputs, {"samples": samples}))
    except Exception as error:  # onnxruntime's errors have no public base
        raise UsageError(f"onnxruntime cannot run the graph: {error}") from error
