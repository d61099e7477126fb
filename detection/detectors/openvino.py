"""OpenVINO adapter: the default on the CPU."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import check_shapes, select_rows
from detection.domain.errors import ModelError
from detection.machine import count_cpus

MAX_STREAMS = 4
"""More parallel tiles than this gained nothing on the machines measured and cost memory."""

TILES_PER_STREAM = 4
"""Tiles handed over per stream: one is looked at, the others wait, so that none stands idle while
another thread has the processor of whoever hands them over."""

MAX_WIDE_SIZES = 2
"""Sizes beside the trained one for which a model is kept compiled; each costs memory."""


Size = tuple[int, int]
"""Height and width of a tile, pixels."""


@dataclass(slots=True, eq=False)
class _Compiled:
    """A model compiled for one side, with requests that wait for their next tile."""

    model: Any
    idle: deque[ov.InferRequest] = field(default_factory=deque)

    def take(self) -> ov.InferRequest:
        try:
            return self.idle.pop()
        except IndexError:
            return self.model.create_infer_request()


class OpenVinoDetector:
    """A model compiled for the CPU; several tiles run at once, each in its own stream.

    The preprocessing (uint8 RGB rows to float planes in [0, 1]) is part of the compiled graph.
    A model is compiled for the trained side at once and for another when it is first asked for.
    """

    def __init__(self, manifest: ModelManifest, *, streams: int = 0, threads: int = 0) -> None:
        """Compile the model; ``threads`` 0 takes every processor that the process may use.

        ``streams`` 0 takes one per thread, at most four.

        Raises:
            ModelError: the weights cannot be read or compiled, or do not fit their task.
        """
        self._manifest = manifest
        self._trained_size = (manifest.tile_px, manifest.tile_px)
        self._threads = threads or count_cpus()
        self._streams = streams or min(MAX_STREAMS, self._threads)
        self._wide: OrderedDict[Size, _Compiled] = OrderedDict()
        try:
            self._core = ov.Core()
            trained = self._compile(self._trained_size)
        except RuntimeError as error:
            message = f"OpenVINO cannot load {manifest.weights_path}: {error}"
            remedy = "Restore the file, or choose another runtime."
            raise ModelError(message, remedy=remedy) from error
        shapes = [_list_sides(output.partial_shape) for output in trained.outputs]
        check_shapes(shapes, manifest, manifest.weights_path, side_px=manifest.tile_px)
        self._trained = _Compiled(trained)

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is."""
        return self._manifest

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield boxes and outlines of each tile in order; some tiles a stream are in flight.

        Each call has requests of its own, so calls from several threads do not mix; they are kept
        for the next call: made anew for each photo they took 14 % of the time. The oldest request
        is waited for, and the next tile is handed over before its answer is read. (A callback per
        tile, as AsyncInferQueue has, was seen to wait for the interpreter's lock for ever, while
        the queue's destructor held it.)

        Raises:
            ModelError: the weights do not take tiles of this side.
        """
        running: deque[tuple[_Compiled, ov.InferRequest]] = deque()
        try:
            for tile in tiles:
                answer = None
                if len(running) >= self._streams * TILES_PER_STREAM:
                    answer = self._collect(*running.popleft())
                compiled = self._get_compiled((tile.shape[0], tile.shape[1]))
                request = compiled.take()
                np.copyto(request.get_input_tensor().data[0], tile)  # the only copy of a tile
                request.start_async()
                running.append((compiled, request))
                if answer is not None:
                    yield answer
            while running:
                yield self._collect(*running.popleft())
        finally:
            for _, request in running:
                request.wait()

    def _collect(self, compiled: _Compiled, request: ov.InferRequest) -> TileDetections:
        request.wait()
        count = len(compiled.model.outputs)
        outputs = [np.asarray(request.get_output_tensor(index).data) for index in range(count)]
        answer = select_rows(outputs, self._manifest)
        compiled.idle.append(request)
        return answer

    def _get_compiled(self, size: Size) -> _Compiled:
        """Return the model for tiles of a size; the one that was not used longest makes room."""
        if size == self._trained_size:
            return self._trained
        compiled = self._wide.pop(size, None)
        if compiled is None:
            try:
                compiled = _Compiled(self._compile(size))
            except RuntimeError as error:
                tile = f"tiles of {size[1]} x {size[0]} px"
                message = f"{self._manifest.weights_path} does not take {tile}: {error}"
                remedy = "Set tile_factor to 1, or promote the model again, with free sides."
                raise ModelError(message, remedy=remedy) from error
        self._wide[size] = compiled
        if len(self._wide) > MAX_WIDE_SIZES:
            self._wide.popitem(last=False)
        return compiled

    def _compile(self, size: Size) -> Any:  # noqa: ANN401 - untyped library
        model = self._core.read_model(str(self._manifest.weights_path))
        if model.input(0).partial_shape.is_static and size != self._trained_size:
            # Some such files could be made to take it, with constants of the trained side inside.
            message = "its sides are fixed"
            raise RuntimeError(message)
        model.reshape([1, 3, *size])
        process = PrePostProcessor(model)
        process.input().tensor().set_element_type(ov.Type.u8).set_shape([1, *size, 3])
        process.input().tensor().set_layout(ov.Layout("NHWC"))
        process.input().model().set_layout(ov.Layout("NCHW"))
        process.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
        config = {
            "NUM_STREAMS": str(self._streams),
            "INFERENCE_NUM_THREADS": str(self._threads),
            # Pinned threads take the first processors in every process: two workers of two threads
            # would share two of four processors.
            "ENABLE_CPU_PINNING": "NO",
            # A stated precision gives the same boxes on every machine that has it.
            "INFERENCE_PRECISION_HINT": "bf16" if "bf16" in self._manifest.precision else "f32",
        }
        return self._core.compile_model(process.build(), "CPU", config)


def _list_sides(shape: ov.PartialShape) -> list[int | None]:
    """Return the sides of a shape; None for one that the model leaves open."""
    return [side.get_length() if side.is_static else None for side in shape]
