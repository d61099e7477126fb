"""OpenVINO adapter: the default on the CPU."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import check_shapes, select_rows
from detection.domain.errors import ModelError

MAX_STREAMS = 4
"""More parallel tiles than this gained nothing on the machines measured and cost memory."""


TILES_PER_STREAM = 2
"""Tiles handed over per stream: one is looked at, one waits, so that none stands idle."""


class OpenVinoDetector:
    """A model compiled for the CPU; several tiles run at once, each in its own stream.

    The preprocessing (uint8 RGB rows to float planes in [0, 1]) is part of the compiled graph.
    """

    def __init__(self, manifest: ModelManifest, *, streams: int = 0) -> None:
        """Compile the model; ``streams`` 0 takes one per core, at most four.

        Raises:
            ModelError: the weights cannot be read or compiled, or do not fit their task.
        """
        self._manifest = manifest
        self._streams = streams or min(MAX_STREAMS, os.cpu_count() or 1)
        try:
            self._compiled = _compile(manifest, self._streams)
        except RuntimeError as error:
            message = f"OpenVINO cannot load {manifest.weights_path}: {error}"
            remedy = "Restore the file, or choose another runtime."
            raise ModelError(message, remedy=remedy) from error
        self._idle: deque[ov.InferRequest] = deque()
        shapes = [_list_sides(output.partial_shape) for output in self._compiled.outputs]
        check_shapes(shapes, manifest, manifest.weights_path)

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is."""
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield boxes and outlines of each tile in order; at most two tiles a stream are in flight.

        Each call has requests of its own, so calls from several threads do not mix; they are kept
        for the next call: made anew for each photo they took 14 % of the time. The oldest request
        is waited for and given the next tile at once. (A callback per tile, as
        AsyncInferQueue has, was seen to wait for the interpreter's lock for ever, while the
        queue's destructor held it.)
        """
        running: deque[ov.InferRequest] = deque()
        try:
            for tile in tiles:
                rows = None
                if len(running) < self._streams * TILES_PER_STREAM:
                    request = self._take_request()
                else:
                    request = running.popleft()
                    rows = self._collect(request)
                request.start_async({0: np.ascontiguousarray(tile)[None]})
                running.append(request)
                if rows is not None:
                    yield rows
            while running:
                request = running.popleft()
                rows = self._collect(request)
                self._idle.append(request)
                yield rows
        finally:
            for request in running:
                request.wait()

    def _take_request(self) -> ov.InferRequest:
        try:
            return self._idle.pop()
        except IndexError:
            return self._compiled.create_infer_request()

    def _collect(self, request: ov.InferRequest) -> TileDetections:
        request.wait()
        count = len(self._compiled.outputs)
        outputs = [np.asarray(request.get_output_tensor(index).data) for index in range(count)]
        return select_rows(outputs, self._manifest)


def _list_sides(shape: ov.PartialShape) -> list[int | None]:
    """Return the sides of a shape; None for one that the model leaves open."""
    return [side.get_length() if side.is_static else None for side in shape]


def _compile(manifest: ModelManifest, streams: int) -> Any:  # noqa: ANN401 - untyped library
    core = ov.Core()
    model = core.read_model(str(manifest.weights_path))
    side = manifest.tile_px
    process = PrePostProcessor(model)
    process.input().tensor().set_element_type(ov.Type.u8).set_shape([1, side, side, 3])
    process.input().tensor().set_layout(ov.Layout("NHWC"))
    process.input().model().set_layout(ov.Layout("NCHW"))
    process.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
    config = {
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(os.cpu_count() or 1),
        # A fixed precision gives the same boxes on every machine, with or without bfloat16.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return core.compile_model(process.build(), "CPU", config)
