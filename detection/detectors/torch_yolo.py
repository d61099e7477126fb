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

import itertools
import pickle
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from PIL import Image
from PIL.Image import open as open_image
from ultralytics import YOLO

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import select_rows
from detection.domain.errors import ModelError

# ultralytics puts an own function in the place of Pillow's, which asks for one more package
# where a file is no photo; ingest in the same process needs Pillow's own answer.
Image.open = open_image

GPU_BATCH = 16


class TorchYoloDetector:
    """An ultralytics checkpoint run as a plain torch module."""

    def __init__(self, manifest: ModelManifest, *, threads: int = 0) -> None:
        """Load the checkpoint; ``threads`` 0 leaves torch's own choice.

        Raises:
            ModelError: the file is not an ultralytics checkpoint, or not one of its task.
        """
        if threads:
            torch.set_num_threads(threads)
        self._manifest = manifest
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        path = manifest.torch_weights_path or manifest.weights_path
        try:
            loaded = YOLO(str(path), task=manifest.task)
            model = loaded.model.float()
            # The one-to-one head answers without suppression, as the exported weights do;
            # fusing then drops the other head, so it has to be chosen first.
            model.end2end = True
            self._model = model.fuse(verbose=False).eval().to(self._device)
        except (RuntimeError, OSError, AttributeError, TypeError, pickle.UnpicklingError) as error:
            message = f"torch cannot load {path}: {error}"
            raise ModelError(message, remedy="Restore the checkpoint of the run.") from error
        if loaded.task != manifest.task:
            message = f"{path} is made for the task {loaded.task}, not {manifest.task}."
            raise ModelError(message, remedy="Correct the task of the manifest.")

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is."""
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield boxes and outlines of each tile in order; a GPU takes several at once."""
        batch_size = GPU_BATCH if self._device.type == "cuda" else 1
        stream = iter(tiles)
        while batch := list(itertools.islice(stream, batch_size)):
            pixels = torch.from_numpy(np.stack(batch)).to(self._device)
            with torch.inference_mode():
                # After the answer come the raw maps that training needs.
                answer = self._model(pixels.permute(0, 3, 1, 2).float().div_(255.0))[0]
            parts = answer if isinstance(answer, tuple) else (answer,)
            outputs = [part.cpu().numpy() for part in parts]
            for index in range(len(batch)):
                yield select_rows([one[index : index + 1] for one in outputs], self._manifest)
