"""A fitted head to ONNX graphs: of a picture's vectors, and of its patches'."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from verascope.detect.session import load
from verascope.errors import ModelError
from verascope.train.kernel import KernelHead

OPSET = 17
TOLERANCE = 2e-3  # of a logit, onnxruntime against numpy; heads give about −1 to 1
CHECKED = 16  # drawn inputs that both are compared on


def to_onnx(head: KernelHead, taps: int, families: NDArray[np.float32] | None = None) -> bytes:
    """The graph: vectors float32 [n, taps, width] → logits float32 [n].

    With `families`, float32 [landmarks, families], a second output: float32 [n, families].

    Raises:
        ModelError: onnxruntime gives other logits than numpy.
    """
    width = len(head.mean) // taps
    norms = (head.landmarks**2).sum(1)
    constants = {
        "mean": head.mean,
        "scale": head.scale,
        "components_half": head.components.astype(np.float16),
        "landmarks_half": head.landmarks.T.astype(np.float16),
        "norms": norms,
        "narrowness": np.float32(-head.narrowness),
        "two": np.float32(2),
        "weights": head.weights,
    }
    nodes = [
        _node("Flatten", ["vectors"], "flat", axis=1),
        _node("Sub", ["flat", "mean"], "centred"),
        _node("Div", ["centred", "scale"], "scaled"),
        _node("Cast", ["components_half"], "components", to=TensorProto.FLOAT),
        _node("Cast", ["landmarks_half"], "landmarks", to=TensorProto.FLOAT),
        _node("MatMul", ["scaled", "components"], "points"),
        _node("ReduceSumSquare", ["points"], "lengths", axes=[1], keepdims=1),
        _node("MatMul", ["points", "landmarks"], "products"),
        _node("Mul", ["products", "two"], "doubled"),
        _node("Add", ["lengths", "norms"], "sums"),
        _node("Sub", ["sums", "doubled"], "distances"),
        _node("Relu", ["distances"], "squared"),
        _node("Mul", ["squared", "narrowness"], "exponents"),
        _node("Exp", ["exponents"], "kernel"),
        _node("MatMul", ["kernel", "weights"], "logits"),
    ]
    gives: dict[str, Sequence[str | int]] = {"logits": ["n"]}
    if families is not None:
        constants["of_families"] = families
        nodes.append(_node("MatMul", ["kernel", "of_families"], "families"))
        gives["families"] = ["n", families.shape[1]]
    graph = _graph(nodes, constants, ("vectors", ["n", taps, width]), gives)
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((CHECKED, len(head.mean))).astype(np.float32)
    drawn = head.mean + spread * head.scale
    _compare(graph, drawn.reshape(CHECKED, taps, width), head(drawn))
    return graph


def linear(weights: NDArray[np.float32], bias: float, patches: int) -> bytes:
    """The graph of a linear head: patches float32 [n, patches, width] → float32 [n, patches]."""
    constants = {"weights": weights, "bias": np.float32(bias)}
    nodes = [
        _node("MatMul", ["patches", "weights"], "products"),
        _node("Add", ["products", "bias"], "logits"),
    ]
    shape: list[str | int] = ["n", patches, len(weights)]
    return _graph(nodes, constants, ("patches", shape), {"logits": ["n", patches]})


def _graph(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Any],
    given: tuple[str, Sequence[str | int]],
    gives: dict[str, Sequence[str | int]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info(given[0], TensorProto.FLOAT, given[1])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in gives.items()
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, producer_name="verascope", ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _compare(graph: bytes, given: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
    found = load(graph, ("CPUExecutionProvider",), 1).run(None, {"vectors": given})[0]
    difference = float(np.abs(found - wanted).max())
    if not difference <= TOLERANCE:
        raise ModelError(f"the exported head differs by {difference:.2g} in a logit")


def _node(
    kind: str, inputs: list[str], output: str, **attributes: int | list[int]
) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], **attributes)
