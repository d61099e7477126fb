"""ONNX Runtime adapter: a GPU by CUDA, and the second opinion on the CPU."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.batches import (
    Shape,
    Work,
    answer_in_batches,
    finish,
    fit_batch,
    split_answers,
)
from detection.detectors.devices import CPU, INSTALL_GPU, Device
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import check_shapes
from detection.domain.errors import ConfigurationError, ModelError
from detection.machine import count_cpus

if TYPE_CHECKING:
    from detection.detectors.onnx_gpu import GpuSession

ERRORS_ONLY = 3
"""ONNX Runtime's log level: its warnings about graph optimisation mean nothing to a user."""

GPU_BATCH = 32
"""Tiles of the trained side that a GPU looks at together."""

GPU_LANES = 2
"""Batches under way on a GPU: one is looked at while the next is copied and the last is read."""

_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


def has_gpu_support() -> bool:
    """Whether the installed ONNX Runtime was built with CUDA."""
    return "CUDAExecutionProvider" in ort.get_available_providers()


class OnnxDetector:
    """A model in ONNX Runtime; on the CPU one batch after the other, each on all threads.

    Batches are made of tiles of one shape. A model whose file fixes the batch or the shape takes
    that alone.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        *,
        threads: int = 0,
        device: Device = CPU,
        batch: int = 0,
    ) -> None:
        """Load the model; ``threads`` 0 takes one per core, ``batch`` 0 what the device likes.

        A GPU computes in FP16, but for the last steps, where the manifest says so.

        Raises:
            ModelError: the weights are not a readable ONNX model, or not one of its task.
            ConfigurationError: the GPU cannot be used.
        """
        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or count_cpus()
        options.log_severity_level = ERRORS_ONLY
        self._manifest = manifest
        try:
            self._model = _load(manifest, options, device)
        except _ERRORS as error:
            message = f"ONNX Runtime cannot load {manifest.weights_path}: {error}"
            remedy = "Restore the file, or choose another runtime."
            raise ModelError(message, remedy=remedy) from error
        session = self._model.session
        shapes = [output.shape for output in session.get_outputs()]
        check_shapes(shapes, manifest, manifest.weights_path)
        fixed = session.get_inputs()[0].shape[0] == 1
        self._batch = 1 if fixed else batch or (GPU_BATCH if device.is_gpu else 1)
        self._lanes = ThreadPoolExecutor(GPU_LANES, "onnx") if device.is_gpu else None

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is."""
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield the boxes and outlines of each tile in order.

        Raises:
            ModelError: the model does not take tiles of this shape, or the device has no room.
        """
        ahead = self._batch * GPU_LANES if self._lanes else 0
        return answer_in_batches(tiles, self._submit, size_batch=self._size_batch, ahead=ahead)

    def _size_batch(self, shape: Shape) -> int:
        return fit_batch(self._batch, shape, self._manifest.tile_px)

    def _submit(self, tiles: Sequence[TileImage]) -> Work:
        if self._lanes is not None:
            return self._lanes.submit(self._answer, tiles)
        return finish(self._answer(tiles))

    def _answer(self, tiles: Sequence[TileImage]) -> list[TileDetections]:
        shape = tiles[0].shape
        try:
            outputs = self._model.run(tiles, self._size_batch(shape))
        except (*_ERRORS, RuntimeError) as error:  # the latter from bound outputs
            message = (
                f"ONNX Runtime cannot look at {len(tiles)} tiles of {shape[1]}x{shape[0]} px "
                f"with model {self._manifest.name}: {error}"
            )
            remedy = "Set tile_factor to 1 where the model takes one side alone, or batch lower."
            raise ModelError(message, remedy=remedy) from error
        return split_answers(outputs, self._manifest)


class _CpuSession:
    """A model on the CPU, as its file is."""

    def __init__(self, manifest: ModelManifest, options: ort.SessionOptions) -> None:
        self.session = ort.InferenceSession(
            str(manifest.weights_path), options, providers=["CPUExecutionProvider"]
        )
        self._input_name = self.session.get_inputs()[0].name

    def run(self, tiles: Sequence[TileImage], room: int) -> list[NDArray[np.float32]]:
        """Return the outputs for ``n`` tiles of one shape; each is ``(n, …)``."""
        del room
        planes = np.concatenate([build_planes(tile) for tile in tiles])
        outputs: list[NDArray[np.float32]] = self.session.run(None, {self._input_name: planes})
        return outputs


def _load(
    manifest: ModelManifest, options: ort.SessionOptions, device: Device
) -> _CpuSession | GpuSession:
    if not device.is_gpu:
        return _CpuSession(manifest, options)
    try:
        module = importlib.import_module("detection.detectors.onnx_gpu")
    except ImportError as error:
        message = f"A model cannot be made ready for a GPU: {error}."
        raise ConfigurationError(message, remedy=INSTALL_GPU) from error
    session: GpuSession = module.GpuSession(manifest, options, device)
    return session


def build_planes(tile: TileImage) -> NDArray[np.float32]:
    """Return ``(h, w, 3)`` uint8 pixels as a ``(1, 3, h, w)`` float array in [0, 1]."""
    planes = np.ascontiguousarray(tile.transpose(2, 0, 1)[None]).astype(np.float32)
    planes /= 255.0
    return planes
