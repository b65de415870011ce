"""A tiny random encoder: patches, three special tokens, one mixed block, a head to cut away."""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from verascope.encoders.own import Plan

SIDE, PATCH, WIDTH, PREFIX = 32, 8, 12, 3
PATCHES = (SIDE // PATCH) ** 2
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
PLAN = Plan(
    name="mine",
    side=SIDE,
    mean=MEAN,
    std=STD,
    taps=("block_0", "block_1"),
    prefix=PREFIX,
    licence="ours",
)


def weights() -> dict[str, np.ndarray]:
    """Of the graph, by name."""
    rng = np.random.default_rng(0)
    return {
        "embed": rng.normal(size=(WIDTH, 3, PATCH, PATCH)).astype(np.float32) / 10,
        "special": rng.normal(size=(1, PREFIX, WIDTH)).astype(np.float32),
        "mix": rng.normal(size=(WIDTH, WIDTH)).astype(np.float32),
        "flat": np.array([1, WIDTH, PATCHES], np.int64),
    }


def tiny(opset: int = 14) -> ModelProto:
    """The graph."""
    nodes = [
        helper.make_node("Conv", ["image", "embed"], ["grid"], strides=[PATCH, PATCH]),
        helper.make_node("Reshape", ["grid", "flat"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["patches_in"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["special", "patches_in"], ["block_0"], axis=1),
        helper.make_node("MatMul", ["block_0", "mix"], ["mixed"]),
        helper.make_node("Tanh", ["mixed"], ["block_1"]),
        helper.make_node("Relu", ["block_1"], ["head"]),
    ]
    shape = [1, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("head", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights().items()],
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)
