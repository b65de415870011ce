"""The image tower of CLIP ViT-B/16 (Radford et al. 2021), from a public int8 file to two builds.

The file's weights are signed 8-bit integers. On processors without VNNI onnxruntime's kernel for
unsigned activations times signed weights adds two products in 16 bits and saturates without a
word: a detector on top falls to chance (AUROC 0.80 to 0.54, measured). Two builds are right
everywhere:

- `fp32`: the dequantised weights.
- `int8`: weights within ±63, so that two products with 255 fit into 16 bits. To lose nothing by
  the shorter range, scales move from the layer norms into the weights (SmoothQuant, Xiao et al.
  2023), and three products whose inputs hold huge outliers stay in fp32. Its taps are nearer to
  fp32's than the public file's own and take 1.2 times as long.

The graph is cut after the last block. It takes raw pixels and gives, for each of the 12 blocks, the
class token and mean and deviation of the patch tokens of the residual stream (taps: RINE, Koutlis
and Papadopoulos 2024), and all patch tokens of one block, for heat maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from verascope.encoders.graph import POOLED, Rows, prune, take_pixels

BUILDS = ("int8", "fp32")
BLOCKS = 12
WIDTH = 768
SIDE = 224  # pixels
PATCHES = 196
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
PATCH_BLOCK = 8  # whose patch tokens are given for heat maps
TAPS = tuple(f"block {k} {what}" for k in range(BLOCKS) for what in POOLED)
OPSET = 14
LARGEST = 63  # of a weight: 2 × 255 × 63 fits into 16 bits
SMOOTHING = 0.7  # the share of an activation's range that its weights take over
# Their inputs hold outliers that one 8-bit range cannot: cosine to fp32 0.81 to 0.97 with these.
FLOAT_PRODUCTS = tuple(f"layers.{k}/mlp/fc2" for k in (5, 6, 7))

Floats = NDArray[np.float32]


@dataclass
class Product:
    """One integer matrix product of the graph.

    Attributes:
        node: the MatMulInteger.
        source: name of the float activations before they are quantised.
        weight: float32 [in, out].
        scaled: the node whose output is the float product.
        scale: name of the tensor that holds the weight's scales.
    """

    node: NodeProto
    source: str
    weight: Floats
    scaled: NodeProto
    scale: str


def residual(block: int) -> str:
    """The tensor of the residual stream after a block, float32 [n, 197, 768]."""
    if block == BLOCKS - 1:
        return "onnx::Gather_1524"
    return f"/vision_model/encoder/layers.{block}/Add_1_output_0"


def build(source: ModelProto, precision: str) -> bytes:
    """An encoder's graph.

    Its input is `pixels`, uint8 [n, 224, 224, 3]; it gives `taps`, float32 [n, 36, 768], and
    `patches`, float32 [n, 196, 768].

    Args:
        source: the graph of the public file.
        precision: one of BUILDS.
    """
    graph = GraphProto()
    graph.CopyFrom(source.graph)
    products = _products(graph)
    if precision == "int8":
        _smooth(graph, products)
        _shorten(graph, products)
    for product in products:
        if precision == "fp32" or product.node.name.endswith(
            tuple(f"{name}/MatMul_quant" for name in FLOAT_PRODUCTS)
        ):
            _dequantise(graph, product)
    take_pixels(graph, SIDE, MEAN, STD)
    _give_taps(graph)
    prune(graph)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="verascope"
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _products(graph: GraphProto) -> list[Product]:
    """All integer products: quantise(x) · W → cast → times both scales."""
    made_by = {name: node for node in graph.node for name in node.output}
    user = {name: node for node in graph.node for name in node.input}
    tensors = _tensors(graph)
    found = []
    for node in (n for n in graph.node if n.op_type == "MatMulInteger"):
        scaled = user[user[node.output[0]].output[0]]
        scales = next(made_by[i] for i in scaled.input if made_by[i].op_type == "Mul")
        scale = next(name for name in scales.input if name in tensors)
        weight = numpy_helper.to_array(tensors[node.input[1]]).astype(np.float32)
        weight *= numpy_helper.to_array(tensors[scale])
        found.append(Product(node, made_by[node.input[0]].input[0], weight, scaled, scale))
    return found


def _smooth(graph: GraphProto, products: Sequence[Product]) -> None:
    """Divide each layer norm's channels by a factor that the weights behind it take over.

    What a channel reaches is taken for its offset plus three gains, which needs no picture.
    """
    made_by = {name: node for node in graph.node for name in node.output}
    tensors = _tensors(graph)
    for source in sorted({p.source for p in products if "layer_norm" in p.source}):
        behind = [product for product in products if product.source == source]
        offset = _parameter(made_by[source], tensors)
        scaled = next(made_by[name] for name in made_by[source].input if name in made_by)
        gain = _parameter(scaled, tensors)
        reach = np.abs(_array(tensors, offset)) + 3 * np.abs(_array(tensors, gain))
        largest = np.max([np.abs(product.weight).max(1) for product in behind], axis=0)
        factor = _powers_of_two(
            SMOOTHING * np.log2(reach.astype(np.float64))
            - (1 - SMOOTHING) * np.log2(np.maximum(largest.astype(np.float64), 1e-5))
        )
        for name in (offset, gain):
            _store(tensors, name, _array(tensors, name) / factor)
        for product in behind:
            product.weight *= factor[:, None]


def _parameter(node: NodeProto, tensors: dict[str, TensorProto]) -> str:
    """The name of the one stored tensor that a node takes."""
    return str(next(name for name in node.input if name in tensors))


def _powers_of_two(exponents: NDArray[np.float64]) -> Floats:
    """Factors around 1. Powers of two alone: the bytes of a build are the same on every machine."""
    factors: Floats = np.exp2(np.round(exponents - exponents.mean())).astype(np.float32)
    return factors


def _shorten(graph: GraphProto, products: Sequence[Product]) -> None:
    """Quantise every weight to ±LARGEST, one scale for each output channel."""
    tensors = _tensors(graph)
    for product in products:
        scale = np.abs(product.weight).max(0) / LARGEST
        values = np.round(product.weight / scale).astype(np.int8)
        _store(tensors, product.node.input[1], values)
        _store(tensors, product.scale, scale)
        product.weight = values * scale


def _dequantise(graph: GraphProto, product: Product) -> None:
    """Replace an integer product by the float one that it stood for."""
    name = f"{product.node.input[1]}_float"
    graph.initializer.append(numpy_helper.from_array(product.weight, name))
    product.scaled.CopyFrom(
        helper.make_node(
            "MatMul", [product.source, name], list(product.scaled.output), product.node.name
        )
    )


def _tensors(graph: GraphProto) -> dict[str, TensorProto]:
    return {tensor.name: tensor for tensor in graph.initializer}


def _array(tensors: dict[str, TensorProto], name: str) -> Floats:
    values: Floats = np.asarray(numpy_helper.to_array(tensors[name]), np.float32)
    return values


def _store(tensors: dict[str, TensorProto], name: str, values: NDArray[Any]) -> None:
    kept = values if values.dtype == np.int8 else values.astype(np.float32)
    tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(kept), name))


def _give_taps(graph: GraphProto) -> None:
    """TAPS stacked in their order, and one block's patch tokens."""
    rows = Rows(graph, OPSET)
    for block in range(BLOCKS):
        rows.of_tokens(residual(block), f"tap_{block}")
    rows.give(WIDTH, (f"tap_{PATCH_BLOCK}", PATCHES))
