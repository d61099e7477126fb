"""ONNX Runtime adapter: the second opinion on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import check_shapes, select_rows
from detection.domain.errors import ModelError

ERRORS_ONLY = 3
"""ONNX Runtime's log level: its warnings about graph optimisation mean nothing to a user."""

_LOAD_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class OnnxDetector:
    """A model in ONNX Runtime: one tile after the other, each on all threads."""

    def __init__(self, manifest: ModelManifest, *, threads: int = 0) -> None:
        """Load the model; ``threads`` 0 takes one per core.

        Raises:
            ModelError: the weights are not a readable ONNX model, or not one of its task.
        """
        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.log_severity_level = ERRORS_ONLY
        self._manifest = manifest
        try:
            self._session = ort.InferenceSession(
                str(manifest.weights_path), options, providers=["CPUExecutionProvider"]
            )
        except _LOAD_ERRORS as error:
            message = f"ONNX Runtime cannot load {manifest.weights_path}: {error}"
            remedy = "Restore the file, or choose another runtime."
            raise ModelError(message, remedy=remedy) from error
        shapes = [output.shape for output in self._session.get_outputs()]
        check_shapes(shapes, manifest, manifest.weights_path)
        self._input_name = self._session.get_inputs()[0].name

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is."""
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield the boxes and outlines of each tile in order."""
        for tile in tiles:
            outputs = self._session.run(None, {self._input_name: build_planes(tile)})
            yield select_rows(outputs, self._manifest)


def build_planes(tile: TileImage) -> NDArray[np.float32]:
    """Return ``(h, w, 3)`` uint8 pixels as a ``(1, 3, h, w)`` float array in [0, 1]."""
    planes = np.ascontiguousarray(tile.transpose(2, 0, 1)[None]).astype(np.float32)
    planes /= 255.0
    return planes
