"""Stand-ins for the product's seams: a detector, and a model file small enough to be built here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.domain.hazard import HazardClass

COVER_CLASSES = (
    HazardClass.MANHOLE_OK,
    HazardClass.MANHOLE_BROKEN,
    HazardClass.MANHOLE_MISSING,
)


def build_manifest(
    name: str = "manhole",
    classes: tuple[HazardClass, ...] = COVER_CLASSES,
    *,
    threshold: float = 0.5,
    score_floor: float = 0.1,
    tile_px: int = 640,
    weights_path: Path = Path("absent.onnx"),
    weights_sha256: str = "0" * 64,
    task: str = "detect",
) -> ModelManifest:
    """Return a manifest as the loader would, without any file."""
    return ModelManifest(
        name=name,
        task=task,
        classes=classes,
        thresholds=dict.fromkeys(classes, threshold),
        score_floor=score_floor,
        tile_px=tile_px,
        weights_path=weights_path,
        weights_sha256=weights_sha256,
        format="onnx",
    )


def find_red(tile: TileImage) -> NDArray[np.float32]:
    """Return one row around the pure red pixels of a tile, score 0.9, class 2; or none."""
    red = (tile[:, :, 0] > 200) & (tile[:, :, 1] < 60) & (tile[:, :, 2] < 60)
    y, x = np.nonzero(red)
    if not len(x):
        return np.zeros((0, 6), dtype=np.float32)
    row = [x.min(), y.min(), x.max() + 1, y.max() + 1, 0.9, 2]
    return np.array([row], dtype=np.float32)


class FakeDetector:
    """A detector whose answer is a plain function of the tile; remembers what it was shown.

    The function may return plain rows, as a model of boxes does.
    """

    def __init__(
        self,
        answer: Callable[[TileImage], TileDetections | NDArray[np.float32]] = find_red,
        manifest: ModelManifest | None = None,
    ) -> None:
        self._manifest = manifest or build_manifest()
        self._answer = answer
        self.tile_shapes: list[tuple[int, ...]] = []

    @property
    def manifest(self) -> ModelManifest:
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        for tile in tiles:
            self.tile_shapes.append(tile.shape)
            answer = self._answer(tile)
            if isinstance(answer, TileDetections):
                yield answer
            else:
                yield TileDetections.from_rows(answer)


def build_channel_model(path: Path, tile_px: int) -> None:
    """Write a model that answers one fixed box per class, scored with a channel's brightness."""
    corners = np.array([[[1, 2, 11, 12], [3, 4, 13, 14], [5, 6, 15, 16]]], dtype=np.float32)
    classes = np.array([[[0], [1], [2]]], dtype=np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["score"]),
        helper.make_node("Concat", ["corners", "score", "classes"], ["output0"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "channels",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, tile_px, tile_px])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 3, 6])],
        [
            numpy_helper.from_array(corners, "corners"),
            numpy_helper.from_array(classes, "classes"),
            numpy_helper.from_array(np.array([1, 3, 1], dtype=np.int64), "column"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_channel_model(folder: Path, name: str = "manhole", tile_px: int = 64) -> Path:
    """Write the channel model with its manifest, as promotion does; returns the manifest."""
    weights = folder / f"{name}.onnx"
    build_channel_model(weights, tile_px)
    document = {
        "name": name,
        "task": "detect",
        "status": "active",
        "classes": [key.value for key in COVER_CLASSES],
        "thresholds": {key.value: 0.6 for key in COVER_CLASSES},
        "score_floor": 0.1,
        "tile_px": tile_px,
        "weights": weights.name,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "format": "onnx",
        "training": {"data_hash": "drawn", "trained_at": "2026-11-22T00:00:00+00:00"},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path
