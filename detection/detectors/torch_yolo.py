"""Torch adapter: the checkpoint itself, on a GPU where there is one."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Read once, when ultralytics is imported: no probe of the network, no installing, no reports,
# and no settings in the user's home.
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
if "YOLO_CONFIG_DIR" not in os.environ:
    os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="hazardlens-torch-")
    atexit.register(shutil.rmtree, os.environ["YOLO_CONFIG_DIR"], ignore_errors=True)

import pickle
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import open as open_image
from ultralytics import YOLO

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.batches import (
    Shape,
    Work,
    answer_in_batches,
    finish,
    fit_batch,
    split_answers,
)
from detection.detectors.devices import CPU, Device
from detection.detectors.manifest import ModelManifest
from detection.domain.errors import ModelError

# ultralytics puts an own function in the place of Pillow's, which asks for one more package
# where a file is no photo; ingest in the same process needs Pillow's own answer.
Image.open = open_image

GPU_BATCH = 32
"""Tiles of the trained side that a GPU looks at together."""

TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
"""How a precision of a manifest is called by torch; every other is FP32."""

BATCHES_AHEAD = 2
"""Batches handed to a GPU before the answer of the first is waited for."""


def has_gpu_support() -> bool:
    """Whether the installed torch was built with CUDA and finds its libraries."""
    return torch.cuda.is_available()


@dataclass(frozen=True, slots=True)
class _Answer:
    """Outputs on their way to the host; there once ``arrived`` has happened."""

    outputs: list[torch.Tensor]
    arrived: torch.cuda.Event | None = None

    def wait(self) -> list[NDArray[np.float32]]:
        """Return the outputs as arrays."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return [output.numpy() for output in self.outputs]


class TorchYoloDetector:
    """An ultralytics checkpoint run as a plain torch module.

    The network computes in the precision asked for; its head, which turns the answer into pixels,
    in FP32: in FP16 a corner at pixel 1,000 has steps of half a pixel.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        *,
        threads: int = 0,
        device: Device = CPU,
        batch: int = 0,
    ) -> None:
        """Load the checkpoint; ``threads`` 0 leaves torch's own choice, ``batch`` 0 the device's.

        The network computes in the precision of the manifest.

        Raises:
            ModelError: the file is not an ultralytics checkpoint, or not one of its task.
        """
        if threads:
            torch.set_num_threads(threads)
        self._manifest = manifest
        self._device = torch.device(str(device))
        self._batch = batch or (GPU_BATCH if device.is_gpu else 1)
        self._type = TYPES.get(manifest.precision, torch.float32)
        # FP32 that is asked for is FP32: TF32 keeps ten bits, as FP16 does.
        torch.backends.cudnn.allow_tf32 = self._type != torch.float32
        path = manifest.torch_weights_path or manifest.weights_path
        try:
            loaded = YOLO(str(path), task=manifest.task)
            model = loaded.model.float()
            # The one-to-one head answers without suppression, as the exported weights do;
            # fusing then drops the other head, so it has to be chosen first.
            model.end2end = True
            self._model = _place(model.fuse(verbose=False).eval(), self._device, self._type)
        except (RuntimeError, OSError, AttributeError, TypeError, pickle.UnpicklingError) as error:
            message = f"torch cannot load {path}: {error}"
            raise ModelError(message, remedy="Restore the checkpoint of the run.") from error
        if loaded.task != manifest.task:
            message = f"{path} is made for the task {loaded.task}, not {manifest.task}."
            raise ModelError(message, remedy="Correct the task of the manifest.")
        # One thread starts batches, as the head keeps its grid from one call to the next; another
        # reads the answers meanwhile.
        self._starting = ThreadPoolExecutor(1, "torch") if device.is_gpu else None
        self._reading = ThreadPoolExecutor(1, "answers")

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is."""
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield boxes and outlines of each tile in order; a GPU takes several at once.

        Raises:
            ModelError: the device has no room for a batch.
        """
        ahead = self._batch * BATCHES_AHEAD if self._device.type == "cuda" else 0
        return answer_in_batches(tiles, self._submit, size_batch=self._size_batch, ahead=ahead)

    def _size_batch(self, shape: Shape) -> int:
        return fit_batch(self._batch, shape, self._manifest.tile_px)

    def _submit(self, tiles: Sequence[TileImage]) -> Work:
        if self._starting is None:
            return finish(self._read(self._start(tiles)))
        started = self._starting.submit(self._start, tiles)
        return self._reading.submit(lambda: self._read(started.result()))

    def _read(self, answer: _Answer) -> list[TileDetections]:
        return split_answers(answer.wait(), self._manifest)

    def _start(self, tiles: Sequence[TileImage]) -> _Answer:
        """Hand a batch to the device; a GPU goes on by itself, whatever the host does."""
        on_gpu = self._device.type == "cuda"
        shape = (len(tiles), *tiles[0].shape)
        # From pinned memory the GPU copies by itself; from other memory the host would wait.
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=on_gpu)
        np.stack(tiles, out=pixels.numpy())
        try:
            with torch.inference_mode():
                planes = pixels.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
                # After the answer come the raw maps that training needs.
                answer = self._model(planes.to(self._type).div_(255.0))[0]
                parts = answer if isinstance(answer, tuple) else (answer,)
                return _fetch(parts) if on_gpu else _Answer([part.float() for part in parts])
        except torch.OutOfMemoryError as error:
            message = f"{self._device} has no room for {len(tiles)} tiles: {error}"
            raise ModelError(message, remedy="Set batch lower.") from error


def _fetch(parts: Sequence[torch.Tensor]) -> _Answer:
    """Let the outputs of a GPU come to the host as soon as they are there."""
    outputs = [
        torch.empty(part.shape, dtype=torch.float32, pin_memory=True).copy_(part, non_blocking=True)
        for part in parts
    ]
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch leaves it untyped
    arrived.record(torch.cuda.current_stream(parts[0].device))
    return _Answer(outputs, arrived)


def _place(model: Any, device: torch.device, kind: torch.dtype) -> Any:  # noqa: ANN401 - untyped library
    """Bring the network to its device and precision; its head stays in FP32."""
    model = model.to(device)
    if kind != torch.float32:
        model = model.to(kind)
        head = model.model[-1].float()
        head.register_forward_pre_hook(
            lambda _, given: ([level.float() for level in given[0]], *given[1:])
        )
    # The order in which tensor cores read, and in which pixels come.
    return model.to(memory_format=torch.channels_last) if device.type == "cuda" else model
