"""Heads of sound to one ONNX graph: what all encoders say of a window to the mean of the logits."""

import numpy as np
from numpy.typing import NDArray

from verascope.train.head_graph import CHECKED, compare, graph_of, node, nodes_of
from verascope.train.kernel import KernelHead

TOLERANCE = 0.02  # of a logit; in a nearly linear kernel large weights cancel each other


def to_onnx(heads: list[tuple[KernelHead, NDArray[np.int64]]]) -> bytes:
    """The graph: vectors float32 [n, width] → logits float32 [n].

    Args:
        heads: each with the places of its own numbers in the vectors.

    Raises:
        ModelError: onnxruntime gives other logits than numpy.
    """
    constants: dict[str, object] = {"count": np.float32(len(heads))}
    nodes = []
    for number, (head, places) in enumerate(heads):
        own = f"own_{number}"
        constants[f"places_{number}"] = places
        nodes.append(node("Gather", ["vectors", f"places_{number}"], own, axis=1))
        more, of_head = nodes_of(head, own, f"{number}_")
        constants |= more
        nodes += of_head
    nodes.append(node("Sum", [f"{k}_logits" for k in range(len(heads))], "sum"))
    nodes.append(node("Div", ["sum", "count"], "logits"))
    width = 1 + max(int(places.max()) for _, places in heads)
    graph = graph_of(nodes, constants, ("vectors", ["n", width]), {"logits": ["n"]})
    drawn = _drawn(heads, width)
    compare(graph, drawn, np.mean([head(drawn[:, at]) for head, at in heads], axis=0), TOLERANCE)
    return graph


def _drawn(heads: list[tuple[KernelHead, NDArray[np.int64]]], width: int) -> NDArray[np.float32]:
    """Vectors as likely as those that the heads were fitted on: float32 [16, width]."""
    spread = np.random.default_rng(0).standard_normal((CHECKED, width)).astype(np.float32)
    for head, places in heads:
        spread[:, places] = head.mean + spread[:, places] * head.scale
    return spread
