"""A model of a few bytes that finds the same box in every tile, for tests of everything around it.

Import as ``from tests.tiny_model import write_tiny_model``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

TILE_PX = 640
BOX_XYXY_IN_TILE = (100.0, 120.0, 124.0, 144.0)  # a metre or less, seen from ALTITUDE_AGL_M
ALTITUDE_AGL_M = 20.0
SCORE = 0.9
MISSING_INDEX = 2


def write_tiny_model(models_dir: Path, *, name: str = "manhole") -> Path:
    """Write ``<name>.onnx`` and its manifest into ``models_dir`` and return the manifest's path.

    The model answers (1, 300, 6) like the real ones: one missing cover, the rest below any score.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    weights = models_dir / f"{name}.onnx"
    weights.write_bytes(_build_model().SerializeToString())
    manifest = models_dir / f"{name}.yaml"
    manifest.write_text(yaml.safe_dump(_manifest(name, weights)), encoding="utf-8")
    return manifest


def _build_model() -> onnx.ModelProto:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = (*BOX_XYXY_IN_TILE, SCORE, MISSING_INDEX)
    # The image has a part in the answer (its weight is nought), as runtimes drop unused inputs.
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nought"], ["nothing"]),
        helper.make_node("Add", ["rows", "nothing"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, TILE_PX, TILE_PX])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 300, 6])],
        [
            numpy_helper.from_array(rows, "rows"),
            numpy_helper.from_array(np.float32(0), "nought"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _manifest(name: str, weights: Path) -> dict[str, object]:
    classes = ["manhole_ok", "manhole_broken", "manhole_missing"]
    return {
        "name": name,
        "task": "detect",
        "status": "active",
        "classes": classes,
        "thresholds": dict.fromkeys(classes, 0.3),
        "score_floor": 0.05,
        "tile_px": TILE_PX,
        "weights": weights.name,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "format": "onnx",
        "training": {"data_hash": "0" * 64, "trained_at": "2026-11-22T00:00:00+00:00"},
        "evaluation": {},
    }
