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
    constants, nodes = nodes_of(head, "flat")
    nodes.insert(0, node("Flatten", ["vectors"], "flat", axis=1))
    gives: dict[str, Sequence[str | int]] = {"logits": ["n"]}
    if families is not None:
        constants["of_families"] = families
        nodes.append(node("MatMul", ["kernel", "of_families"], "families"))
        gives["families"] = ["n", families.shape[1]]
    graph = graph_of(nodes, constants, ("vectors", ["n", taps, width]), gives)
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((CHECKED, len(head.mean))).astype(np.float32)
    drawn = head.mean + spread * head.scale
    compare(graph, drawn.reshape(CHECKED, taps, width), head(drawn))
    return graph


def nodes_of(
    head: KernelHead, given: str, prefix: str = ""
) -> tuple[dict[str, Any], list[onnx.NodeProto]]:
    """The constants and nodes that make `{prefix}logits` [n] of the tensor `given` [n, d]."""
    constants = {
        "mean": head.mean,
        "scale": head.scale,
        "components_half": head.components.astype(np.float16),
        "landmarks_half": head.landmarks.T.astype(np.float16),
        "norms": (head.landmarks**2).sum(1),
        "narrowness": np.float32(-head.narrowness),
        "two": np.float32(2),
        "weights": head.weights,
    }

    def step(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
        named = [name if name == given else prefix + name for name in inputs]
        return node(kind, named, prefix + output, **attributes)

    nodes = [
        step("Sub", [given, "mean"], "centred"),
        step("Div", ["centred", "scale"], "scaled"),
        step("Cast", ["components_half"], "components", to=TensorProto.FLOAT),
        step("Cast", ["landmarks_half"], "landmarks", to=TensorProto.FLOAT),
        step("MatMul", ["scaled", "components"], "points"),
        step("ReduceSumSquare", ["points"], "lengths", axes=[1], keepdims=1),
        step("MatMul", ["points", "landmarks"], "products"),
        step("Mul", ["products", "two"], "doubled"),
        step("Add", ["lengths", "norms"], "sums"),
        step("Sub", ["sums", "doubled"], "distances"),
        step("Relu", ["distances"], "squared"),
        step("Mul", ["squared", "narrowness"], "exponents"),
        step("Exp", ["exponents"], "kernel"),
        step("MatMul", ["kernel", "weights"], "logits"),
    ]
    return {prefix + name: value for name, value in constants.items()}, nodes


def linear(weights: NDArray[np.float32], bias: float, patches: int) -> bytes:
    """The graph of a linear head: patches float32 [n, patches, width] → float32 [n, patches]."""
    constants = {"weights": weights, "bias": np.float32(bias)}
    nodes = [
        node("MatMul", ["patches", "weights"], "products"),
        node("Add", ["products", "bias"], "logits"),
    ]
    shape: list[str | int] = ["n", patches, len(weights)]
    return graph_of(nodes, constants, ("patches", shape), {"logits": ["n", patches]})


def graph_of(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Any],
    given: tuple[str, Sequence[str | int]],
    gives: dict[str, Sequence[str | int]],
) -> bytes:
    """A checked graph of one input of floats, by name and shape."""
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


def compare(
    graph: bytes,
    given: NDArray[np.float32],
    wanted: NDArray[np.float32],
    tolerance: float = TOLERANCE,
) -> None:
    """Hold onnxruntime's logits of some vectors to numpy's.

    Raises:
        ModelError: they differ.
    """
    found = load(graph, ("CPUExecutionProvider",), 1).run(None, {"vectors": given})[0]
    difference = float(np.abs(found - wanted).max())
    if not difference <= tolerance:
        raise ModelError(f"the exported head differs by {difference:.2g} in a logit")


def node(
    kind: str, inputs: list[str], output: str, **attributes: int | list[int]
) -> onnx.NodeProto:
    """A node with one output."""
    return helper.make_node(kind, inputs, [output], **attributes)
