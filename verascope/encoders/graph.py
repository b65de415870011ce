"""Surgery that every encoder's graph needs: take raw pixels, give taps, drop the rest.

The order in which nodes and tensors are added is part of a build's hash, and heads name that hash:
a change here that moves a byte makes every head refuse its encoder.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

POOLED = ("class", "mean", "deviation")  # what becomes of a tensor of tokens, in this order
AXES_ARE_INPUTS = 18  # from this opset on ReduceMean takes its axes as a tensor
_LAST = 2**31 - 1  # the end of a slice that goes to the end

Triple = tuple[float, float, float]


def take_pixels(graph: GraphProto, side: int, mean: Triple, std: Triple) -> None:
    """Make `pixels`, uint8 [n, side, side, 3], the input: (x / 255 − mean) / std, channels first.

    Args:
        graph: with one input, float32 [n, 3, side, side]; it is changed.
        side: of a picture, in pixels.
        mean: of each channel, of values 0 to 1.
        std: its deviation.
    """
    old = graph.input[0].name
    scale = 1 / (255 * np.array(std, np.float32))
    offset = -np.array(mean, np.float32) / np.array(std, np.float32)
    graph.initializer.extend(
        [
            numpy_helper.from_array(scale.astype(np.float32), "pixel_scale"),
            numpy_helper.from_array(offset.astype(np.float32), "pixel_offset"),
        ]
    )
    nodes = [
        node("Cast", ["pixels"], "pixels_float", to=TensorProto.FLOAT),
        node("Mul", ["pixels_float", "pixel_scale"], "pixels_scaled"),
        node("Add", ["pixels_scaled", "pixel_offset"], "pixels_normal"),
        node("Transpose", ["pixels_normal"], old, perm=[0, 3, 1, 2]),
    ]
    replace(graph.node, [*nodes, *graph.node])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3])
    replace(graph.input, [pixels])


class Rows:
    """Rows of [n, rows, width] out of a graph's tensors, for its output `taps`.

    Args:
        graph: it is changed.
        opset: of the graph.
        prefix: how many tokens come before those of the patches: class token and registers.
    """

    def __init__(self, graph: GraphProto, opset: int, prefix: int = 1) -> None:
        self.graph = graph
        self.names: list[str] = []
        self._axes_are_inputs = opset >= AXES_ARE_INPUTS
        self._start = "tap_1" if prefix == 1 else "tap_start"
        self._constant("tap_0", 0)
        self._constant("tap_1", 1)
        self._constant("tap_end", _LAST)
        if prefix != 1:
            self._constant(self._start, prefix)

    def of_tokens(self, tensor: str, key: str, pooled: Sequence[str] = POOLED) -> None:
        """Class token, mean and deviation of the patches of a tensor [n, tokens, width].

        Adds `{key}_patches` as well. `pooled` are those of POOLED that are wanted.
        """
        add = self.graph.node.append
        if "class" in pooled:
            add(node("Slice", [tensor, "tap_0", "tap_1", "tap_1"], f"{key}_class"))
        add(node("Slice", [tensor, self._start, "tap_end", "tap_1"], f"{key}_patches"))
        if "mean" in pooled or "deviation" in pooled:
            add(self.mean(f"{key}_patches", f"{key}_mean"))
        if "deviation" in pooled:
            add(node("Sub", [f"{key}_patches", f"{key}_mean"], f"{key}_centred"))
            add(node("Mul", [f"{key}_centred", f"{key}_centred"], f"{key}_squared"))
            add(self.mean(f"{key}_squared", f"{key}_variance"))
            add(node("Sqrt", [f"{key}_variance"], f"{key}_deviation"))
        self.names += [f"{key}_{what}" for what in POOLED if what in pooled]

    def of_vector(self, tensor: str, key: str) -> None:
        """A tensor [n, width] as it is."""
        self.graph.node.append(node("Unsqueeze", [tensor, "tap_1"], key))
        self.names.append(key)

    def give(self, width: int, patches: tuple[str, int] | None) -> None:
        """Make the rows the output `taps`, and the tokens of one key's patches `patches`.

        Args:
            width: of each row.
            patches: the key of a tensor of tokens and how many patches it has, or None.
        """
        graph = self.graph
        graph.node.append(node("Concat", self.names, "taps", axis=1))
        shapes = {"taps": ["n", len(self.names), width]}
        if patches:
            key, count = patches
            graph.node.append(node("Identity", [f"{key}_patches"], "patches"))
            shapes["patches"] = ["n", count, width]
        replace(
            graph.output,
            (
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in shapes.items()
            ),
        )

    def mean(self, tensor: str, output: str) -> NodeProto:
        """The mean over tokens."""
        if self._axes_are_inputs:
            return node("ReduceMean", [tensor, "tap_1"], output, keepdims=1)
        return node("ReduceMean", [tensor], output, axes=[1], keepdims=1)

    def _constant(self, name: str, value: int) -> None:
        self.graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))


def prune(graph: GraphProto) -> None:
    """Drop what no output needs."""
    needed = {output.name for output in graph.output}
    kept = []
    for each in reversed(graph.node):
        if needed.intersection(each.output):
            needed.update(each.input)
            needed.update(_captured(each))
            kept.append(each)
    replace(graph.node, kept[::-1])
    replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])
    del graph.value_info[:]


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> NodeProto:
    """A node with one output and no name."""
    return helper.make_node(kind, list(inputs), [output], **attributes)


def replace(field: Any, values: Iterable[Any]) -> None:
    """Give a repeated field of a graph other members."""
    copies = list(values)
    del field[:]
    field.extend(copies)


def _captured(each: NodeProto) -> set[str]:
    """Names that the branches and loop bodies of a node may take from the graph around them."""
    found: set[str] = set()
    for attribute in each.attribute:
        for inner in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
            for below in inner.node:
                found |= {*below.input, *_captured(below)}
            found |= {output.name for output in inner.output}
    return found
