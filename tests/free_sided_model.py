"""A small model that takes any number of tiles of any side, as the shipped files do.

Import as ``from tests.free_sided_model import write_free_sided_model``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from detection.detectors.manifest import ModelManifest
from tests.fakes import build_manifest

CORNERS_XYXY = ((1.0, 2.0, 11.0, 12.0), (3.0, 4.0, 13.0, 14.0), (1000.3, 900.6, 1010.1, 911.7))
"""One box per class. FP16 has steps of half a pixel at those of the last."""


def write_free_sided_model(folder: Path, tile_px: int = 64) -> ModelManifest:
    """Write a model that scores its fixed boxes with the brightness of red, green and blue."""
    path = folder / "free.onnx"
    onnx.save(_build_model(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return build_manifest(tile_px=tile_px, weights_path=path, weights_sha256=sha256)


def _build_model() -> onnx.ModelProto:
    constants = {
        "same": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
        "column": np.array([0, 3, 1], dtype=np.int64),
        "nought": np.float32(0),
        "corners": np.array([CORNERS_XYXY], dtype=np.float32),
        "classes": np.arange(3, dtype=np.float32).reshape(1, 3, 1),
    }
    nodes = [
        helper.make_node("Conv", ["images", "same"], ["seen"]),
        helper.make_node("ReduceMean", ["seen"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["score"]),
        helper.make_node("Mul", ["score", "nought"], ["nothing"]),  # one row per tile
        helper.make_node("Add", ["corners", "nothing"], ["boxes"]),
        helper.make_node("Add", ["classes", "nothing"], ["indices"]),
        helper.make_node("Concat", ["boxes", "score", "indices"], ["output0"], axis=2),
    ]
    sides = ["batch", 3, "height", "width"]
    graph = helper.make_graph(
        nodes,
        "free",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", 3, 6])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model
