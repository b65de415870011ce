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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

SOURCE_SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
BUILDS = ("int8", "fp32")
BLOCKS = 12
WIDTH = 768
SIDE = 224  # pixels
PATCHES = 196
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
PATCH_BLOCK = 8  # whose patch tokens are given for heat maps
POOLED = ("class", "mean", "deviation")
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
    _take_pixels(graph)
    _give_taps(graph)
    _prune(graph)
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
    return next(name for name in node.input if name in tensors)


def _powers_of_two(exponents: NDArray[np.float64]) -> Floats:
    """Factors around 1. Powers of two alone: the bytes of a build are the same on every machine."""
    return np.exp2(np.round(exponents - exponents.mean())).astype(np.float32)


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
    return np.asarray(numpy_helper.to_array(tensors[name]), np.float32)


def _store(tensors: dict[str, TensorProto], name: str, values: NDArray[Any]) -> None:
    kept = values if values.dtype == np.int8 else values.astype(np.float32)
    tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(kept), name))


def _take_pixels(graph: GraphProto) -> None:
    """Normalisation inside the graph: (x / 255 − mean) / deviation, channels first."""
    old = graph.input[0].name
    scale = 1 / (255 * np.array(STD, np.float32))
    offset = -np.array(MEAN, np.float32) / np.array(STD, np.float32)
    graph.initializer.extend(
        [
            numpy_helper.from_array(scale.astype(np.float32), "pixel_scale"),
            numpy_helper.from_array(offset.astype(np.float32), "pixel_offset"),
        ]
    )
    nodes = [
        helper.make_node("Cast", ["pixels"], ["pixels_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels_float", "pixel_scale"], ["pixels_scaled"]),
        helper.make_node("Add", ["pixels_scaled", "pixel_offset"], ["pixels_normal"]),
        helper.make_node("Transpose", ["pixels_normal"], [old], perm=[0, 3, 1, 2]),
    ]
    _replace(graph.node, [*nodes, *graph.node])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    del graph.input[:]
    graph.input.append(pixels)


def _give_taps(graph: GraphProto) -> None:
    """TAPS stacked in their order, and one block's patch tokens."""
    numbers = {"tap_0": [0], "tap_1": [1], "tap_end": [2**31 - 1]}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(v, np.int64), k) for k, v in numbers.items()
    )
    rows: list[str] = []
    for block in range(BLOCKS):
        key = f"tap_{block}"
        graph.node.extend(
            [
                _node("Slice", [residual(block), "tap_0", "tap_1", "tap_1"], f"{key}_class"),
                _node("Slice", [residual(block), "tap_1", "tap_end", "tap_1"], f"{key}_patches"),
                _node("ReduceMean", [f"{key}_patches"], f"{key}_mean", axes=[1], keepdims=1),
                _node("Sub", [f"{key}_patches", f"{key}_mean"], f"{key}_centred"),
                _node("Mul", [f"{key}_centred", f"{key}_centred"], f"{key}_squared"),
                _node("ReduceMean", [f"{key}_squared"], f"{key}_variance", axes=[1], keepdims=1),
                _node("Sqrt", [f"{key}_variance"], f"{key}_deviation"),
            ]
        )
        rows += [f"{key}_{what}" for what in POOLED]
    graph.node.append(_node("Concat", rows, "taps", axis=1))
    graph.node.append(_node("Identity", [f"tap_{PATCH_BLOCK}_patches"], "patches"))
    del graph.output[:]
    shapes = {"taps": ["n", len(TAPS), WIDTH], "patches": ["n", PATCHES, WIDTH]}
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs, [output], **attributes)


def _prune(graph: GraphProto) -> None:
    """Drop what no output needs."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    _replace(graph.node, kept[::-1])
    _replace(graph.initializer, [t for t in graph.initializer if t.name in needed])
    del graph.value_info[:]


def _replace(field: Any, values: Iterable[Any]) -> None:
    """Give a repeated field of a graph other members."""
    copies = list(values)
    del field[:]
    field.extend(copies)
