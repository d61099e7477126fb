"""Models of a few bytes that find the same in every tile, for tests of everything around them.

Import as ``from tests.tiny_model import write_tiny_model, write_tiny_segment_model``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

TILE_PX = 640
BOX_XYXY_IN_TILE = (100.0, 120.0, 124.0, 144.0)  # a metre or less, seen from ALTITUDE_AGL_M
ALTITUDE_AGL_M = 20.0
SCORE = 0.9
MISSING_INDEX = 2

CRACK_XYXY_IN_TILE = (200.0, 200.0, 360.0, 320.0)
CRACK_WIDTH_PX = 8.0
"""The crack runs along the falling diagonal of its box."""
CELL_PX = 4
COEFFICIENTS = 32


def write_tiny_model(models_dir: Path, *, name: str = "manhole") -> Path:
    """Write ``<name>.onnx`` and its manifest into ``models_dir`` and return the manifest's path.

    The model answers (1, 300, 6) like the real ones: one missing cover, the rest below any score.
    """
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = (*BOX_XYXY_IN_TILE, SCORE, MISSING_INDEX)
    classes = ["manhole_ok", "manhole_broken", "manhole_missing"]
    return _write_model(models_dir, name, "detect", classes, [rows])


def write_tiny_segment_model(
    models_dir: Path, *, name: str = "facade_crack", score: float = SCORE
) -> Path:
    """Write a model of outlines and its manifest into ``models_dir``; returns the manifest's path.

    The model answers (1, 300, 38) and (1, 32, 160, 160) like the real ones: one slanting crack.
    """
    rows = np.zeros((1, 300, 6 + COEFFICIENTS), np.float32)
    rows[0, 0, :7] = (*CRACK_XYXY_IN_TILE, score, 0, 1)
    prototypes = np.zeros((1, COEFFICIENTS, TILE_PX // CELL_PX, TILE_PX // CELL_PX), np.float32)
    prototypes[0, 0] = _draw_crack()
    return _write_model(models_dir, name, "segment", ["facade_crack"], [rows, prototypes])


def _draw_crack() -> NDArray[np.float32]:
    """Return how far inside of the crack the middle of each cell is, in pixels."""
    middles = (np.arange(TILE_PX // CELL_PX) + 0.5) * CELL_PX
    x, y = np.meshgrid(middles, middles)
    x_min, y_min, x_max, y_max = CRACK_XYXY_IN_TILE
    run, fall = x_max - x_min, y_max - y_min
    distance = np.abs((x - x_min) * fall - (y - y_min) * run) / np.hypot(run, fall)
    return np.asarray(CRACK_WIDTH_PX / 2 - distance, dtype=np.float32)


def _write_model(
    models_dir: Path,
    name: str,
    task: str,
    classes: list[str],
    outputs: list[NDArray[np.float32]],
) -> Path:
    models_dir.mkdir(parents=True, exist_ok=True)
    weights = models_dir / f"{name}.onnx"
    weights.write_bytes(_build_model(outputs).SerializeToString())
    manifest = models_dir / f"{name}.yaml"
    document = _manifest(name, task, classes, weights)
    manifest.write_text(yaml.safe_dump(document), encoding="utf-8")
    return manifest


def _build_model(outputs: list[NDArray[np.float32]]) -> onnx.ModelProto:
    """Return a model of fixed outputs ``output0``, ``output1``…"""
    # The image has a part in the answer (its weight is nought), as runtimes drop unused inputs.
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nought"], ["nothing"]),
        *(
            helper.make_node("Add", [f"fixed{index}", "nothing"], [f"output{index}"])
            for index in range(len(outputs))
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, TILE_PX, TILE_PX])],
        [
            helper.make_tensor_value_info(f"output{index}", TensorProto.FLOAT, output.shape)
            for index, output in enumerate(outputs)
        ],
        [
            *(
                numpy_helper.from_array(output, f"fixed{index}")
                for index, output in enumerate(outputs)
            ),
            numpy_helper.from_array(np.float32(0), "nought"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _manifest(name: str, task: str, classes: list[str], weights: Path) -> dict[str, object]:
    return {
        "name": name,
        "task": task,
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
