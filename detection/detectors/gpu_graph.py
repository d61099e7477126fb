"""A shipped ONNX model made ready for a GPU: pixels as they are in, half precision where it fits.

Only the GPU path imports this module: ``onnx`` is in requirements/gpu.txt, not in the light list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.shape_inference import infer_shapes

PIXELS = "pixels"
"""Name of the new input: uint8 RGB ``(n, h, w, 3)``."""

RGB = 3

WEIGHING = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})
"""The operators that hold nearly all of the work."""

MAKERS = frozenset({"Cast", "Constant", "ConstantOfShape", "Range"})
"""Operators that say the type of what they make; it is left to them."""

HALVED_INPUTS = {"Resize": 1}
"""Inputs of an operator that may be FP16, the first ones; the others are FP32 by its definition."""


def build_gpu_graph(path: Path, *, half: bool) -> bytes:
    """Return the model of ``path`` with pixels as its input, its network in FP16 where ``half``.

    Bringing uint8 rows to planes in [0, 1] on the device moves a quarter of the bytes there.
    """
    model = onnx.load(path)
    if half:
        model = infer_shapes(model)
        halve_network(model.graph)
    _accept_pixels(model.graph)
    data: bytes = model.SerializeToString()
    return data


def halve_network(graph: GraphProto) -> None:
    """Let every node up to the last weights compute in FP16, and what follows in FP32.

    What follows turns the answer of the network into pixels and chooses the best: in FP16 a corner
    at pixel 1,000 has steps of half a pixel, and scores that differ become equal. (The converters
    of ONNX Runtime and onnxconverter-common round every tensor between two nodes, also of those
    that they are told to leave alone.) Inputs and outputs stay FP32; casts of constants are done
    when the model is loaded.
    """
    decoding = find_decoding(graph)
    floats = _list_floats(graph)
    halved = {
        name
        for node in graph.node
        if node.op_type not in MAKERS
        for name in node.output
        if name in floats and name not in decoding
    }
    leaving = [_free_name(graph, one.name) for one in graph.output if one.name in halved]
    halved.update(cast.input[0] for cast in leaving)
    nodes = [*_cast_where_needed(graph.node, halved, floats | halved), *leaving]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)


def find_decoding(graph: GraphProto) -> set[str]:
    """Return the names of the tensors that no layer with weights comes after."""
    weighed: set[str] = set()
    decoding: set[str] = set()
    for node in reversed(graph.node):  # a graph is sorted: who reads stands after who writes
        if node.op_type in WEIGHING or weighed.intersection(node.output):
            weighed.update(node.input)
        else:
            decoding.update(node.output)
    return decoding


def _list_floats(graph: GraphProto) -> set[str]:
    """Return the names of all FP32 tensors."""
    described = (*graph.input, *graph.output, *graph.value_info)
    named = {one.name for one in described if one.type.tensor_type.elem_type == TensorProto.FLOAT}
    return named | {one.name for one in graph.initializer if one.data_type == TensorProto.FLOAT}


def _free_name(graph: GraphProto, name: str) -> NodeProto:
    """Give the tensor of an output another name; returns the cast that makes the output of it."""
    inside = f"{name}:inside"
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [inside if one == name else one for one in names]
    return _cast(inside, name, TensorProto.FLOAT)


def _cast_where_needed(
    nodes: Iterable[NodeProto], halved: set[str], floats: set[str]
) -> Iterator[NodeProto]:
    """Yield the nodes in order, each behind the casts that it is the first to need."""
    done: set[str] = set()
    for node in nodes:
        in_half = not halved.isdisjoint(node.output)
        for place, name in enumerate(node.input):
            wants_half = in_half and place < HALVED_INPUTS.get(node.op_type, len(node.input))
            if name not in floats or wants_half == (name in halved):
                continue
            node.input[place] = f"{name}:{'half' if wants_half else 'whole'}"
            if node.input[place] not in done:
                done.add(node.input[place])
                kind = TensorProto.FLOAT16 if wants_half else TensorProto.FLOAT
                yield _cast(name, node.input[place], kind)
        yield node


def _cast(source: str, target: str, kind: int) -> NodeProto:
    return helper.make_node("Cast", [source], [target], f"{target}:Cast", to=kind)


def _accept_pixels(graph: GraphProto) -> None:
    """Put uint8 rows ``(n, h, w, 3)`` in the place of float planes ``(n, 3, h, w)``."""
    planes = graph.input[0]
    batch, _, height, width = planes.type.tensor_type.shape.dim
    sides = [side.dim_param or side.dim_value for side in (batch, height, width)]
    pixels = helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, [*sides, RGB])
    graph.input.remove(planes)
    graph.input.insert(0, pixels)
    graph.initializer.append(numpy_helper.from_array(np.float32(255.0), f"{PIXELS}:white"))
    shares = [f"{PIXELS}:float", f"{PIXELS}:share"]
    turn = {"perm": [0, 3, 1, 2]}
    nodes = (
        _cast(PIXELS, shares[0], TensorProto.FLOAT),
        helper.make_node("Div", [shares[0], f"{PIXELS}:white"], [shares[1]], f"{PIXELS}:Div"),
        helper.make_node("Transpose", [shares[1]], [planes.name], f"{PIXELS}:Transpose", **turn),
    )
    for place, node in enumerate(nodes):
        graph.node.insert(place, node)
