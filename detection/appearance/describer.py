"""Appearance vectors: what the detector's own neck says of a thing and of nothing else.

The last layers before the boxes hold what the model learnt to tell such things apart by; it costs
one tile per thing, and no other model has to be trained, shipped or trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from detection.appearance.crop import CONTEXT, crop_tile
from detection.appearance.textures import draw_textures
from detection.domain.errors import ModelError
from detection.domain.geometry import BBox
from detection.tiling import cut_tile

MODULE = re.compile(r"^/?model\.(\d+)/")
"""Exporters name each operation by the number of its module; the head is the last one."""
MAP_RANK = 4


class UndescribableModelError(ModelError):
    """The model's file does not show where its neck ends."""

    code = "model_undescribable"


class Describer:
    """One model's neck. ``weights_sha256`` names the weights in every vector that it makes."""

    def __init__(self, weights_path: Path, weights_sha256: str, side_px: int) -> None:
        """Compile the model up to its neck, for tiles of the side that it was trained on.

        Raises:
            UndescribableModelError: the operations of the file have no names of modules.
        """
        self.weights_sha256 = weights_sha256
        core = ov.Core()
        model = core.read_model(str(weights_path))
        necks = _find_neck(model)
        if not necks:
            message = f"The model {weights_path.name} does not show where its neck ends."
            raise UndescribableModelError(
                message, remedy="Export it anew with the names of modules."
            )
        cut = ov.Model(necks, model.get_parameters(), "neck")
        self._side_px = side_px
        cut.reshape([1, 3, side_px, side_px])  # weights leave the sides of their tiles open
        # One thread: describing goes on beside the detection of other flights.
        config = {"INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32"}
        self._compiled: Any = core.compile_model(cut, "CPU", config)
        # All pictures are alike to a neck (a cosine of 0.98): what it says of nothing goes off.
        looks = [self._look(texture) for texture in draw_textures(self._side_px)]
        self._plain = [np.mean(level, axis=0) for level in zip(*looks, strict=True)]

    def describe(self, pixels: NDArray[np.uint8], boxes: Iterable[BBox]) -> NDArray[np.float32]:
        """Return ``(n, d)`` vectors of length one for boxes in ``(H, W, 3)`` RGB pixels."""
        height_px, width_px = pixels.shape[:2]
        tiles = [crop_tile(box, width_px, height_px, self._side_px) for box in boxes]
        images = (cut_tile(pixels, tile, self._side_px) for tile in tiles)
        return np.stack([self._join(self._look(image)) for image in images])

    def _look(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the mean of each level of the neck over a picture as large as a tile."""
        planes = image.astype(np.float32).transpose(2, 0, 1)[None] / 255.0
        maps = self._compiled({0: planes})
        count = len(self._compiled.outputs)
        return [_mean_of_middle(maps[index][0]) for index in range(count)]

    def _join(self, levels: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Join what is particular of each level; each counts the same, however many channels."""
        parts = [_unit(level - plain) for level, plain in zip(levels, self._plain, strict=True)]
        return _unit(np.concatenate(parts))


def _mean_of_middle(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of ``(c, h, w)`` over the part where the thing is, not the ground around."""
    side = level.shape[1]
    edge = round(side * (1 - 1 / CONTEXT) / 2)
    return np.asarray(level[:, edge : side - edge, edge : side - edge].mean(axis=(1, 2)))


def vector_to_bytes(vector: NDArray[np.float32]) -> bytes:
    """Return a vector as it is stored: float16, little endian."""
    return vector.astype("<f2").tobytes()


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _find_neck(model: ov.Model) -> list[Any]:
    """Return the feature maps that the head (the module of the highest number) takes."""
    numbers = {op.get_friendly_name(): _module_of(op) for op in model.get_ops()}
    head = max((number for number in numbers.values() if number is not None), default=None)
    found: dict[str, Any] = {}
    for op in model.get_ordered_ops():
        if numbers[op.get_friendly_name()] != head or head is None:
            continue
        for taken in op.inputs():
            source = taken.get_source_output()
            name = source.get_node().get_friendly_name()
            below = numbers.get(name)
            is_map = len(source.get_partial_shape()) == MAP_RANK
            if is_map and below is not None and below < head:
                found[name] = source
    return [found[name] for name in sorted(found)]


def _module_of(op: Any) -> int | None:  # noqa: ANN401 - untyped library
    match = MODULE.match(op.get_friendly_name())
    return int(match.group(1)) if match else None
