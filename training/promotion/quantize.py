"""Post-training quantisation of an exported model to INT8 (ONNX Runtime, QDQ).

Convolutions only, weights per output channel, ranges of activations at a percentile over tiles of
training photos: the extremes of a few tiles would coarsen all others. The first convolutions (they
see the photo itself), the last ones of the head (they answer boxes and scores) and all that decodes
them stay in float. OpenVINO and ONNX Runtime both read the result; its sides are free where those
of the exported model are.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from detection.detectors.base import TileImage
from detection.detectors.onnx import build_planes
from detection.domain.errors import ModelError
from detection.settings import load_settings
from detection.tiling import cut_tile
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.evaluation.answers import plan_tiles

CALIBRATION_TILES = 200
TILES_IN_MEMORY = 10
"""Every value that the model computes is kept of so many tiles at once, some 0.1 GB each."""
PERCENTILE = 99.999
SEED = 0
BLOCK = re.compile(r"^/model\.(\d+)/")
FLOAT_STEM = 2
"""So many blocks at the start stay in float. Rounding these two alone cost four of 100 boxes at the
shipped threshold of the model of covers, two of 100 of that of cracks."""


class _Tiles(CalibrationDataReader):  # type: ignore[misc]  # the library ships no types
    """Hands the calibration tiles over one by one, or a range of them."""

    def __init__(self, tiles: Sequence[TileImage], input_name: str) -> None:
        self._tiles, self._name = tiles, input_name
        self._stream: Iterator[TileImage] = iter(tiles)

    def __len__(self) -> int:
        """Return how many tiles there are."""
        return len(self._tiles)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Hand over these tiles next."""
        self._stream = iter(self._tiles[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next tile as the model takes it; None at the end."""
        tile = next(self._stream, None)
        return None if tile is None else {self._name: build_planes(tile)}


def cut_calibration_tiles(
    photos: Sequence[AnnotatedPhoto], tile_px: int, count: int = CALIBRATION_TILES
) -> list[TileImage]:
    """Return one deployed tile each of ``count`` photos of the training part, drawn by a seed.

    Raises:
        ModelError: no photo belongs to the training part.
    """
    train = [photo for photo in photos if photo.split == "train"]
    if not train:
        message = "There is no training photo to calibrate INT8 with."
        raise ModelError(message, remedy="Promote without --int8, or restore the data.")
    random = np.random.default_rng(SEED)
    settings = load_settings()
    tiles = []
    for index in random.permutation(len(train))[:count]:
        plan = plan_tiles(train[index], tile_px, settings)
        tile = plan[int(random.integers(len(plan)))]
        tiles.append(cut_tile(read_pixels(train[index].path), tile, tile_px))
    return tiles


def quantize_model(onnx_path: Path, tiles: Sequence[TileImage], out: Path) -> Path:
    """Write the INT8 model of an exported one and return its path.

    Raises:
        ModelError: the exported file is no model that can be quantised.
    """
    with TemporaryDirectory(dir=out.parent) as folder:
        prepared, draft = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        try:
            # The library tells its progress on the output of the command.
            with contextlib.redirect_stdout(io.StringIO()):
                _quantize(onnx_path, tiles, prepared, draft)
        except (ValueError, RuntimeError, OSError, DecodeError) as error:
            message = f"{onnx_path} cannot be quantised: {error}."
            raise ModelError(message, remedy="Promote it without --int8.") from error
        draft.replace(out)
    return out


def _quantize(onnx_path: Path, tiles: Sequence[TileImage], prepared: Path, draft: Path) -> None:
    quant_pre_process(str(onnx_path), str(prepared), skip_symbolic_shape=True)
    model = onnx.load(prepared)
    step = min(TILES_IN_MEMORY, len(tiles))
    whole_steps = tiles[: len(tiles) // step * step]
    quantize_static(
        str(prepared),
        str(draft),
        _Tiles(whole_steps, model.graph.input[0].name),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=list_float_nodes(model),
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={
            "CalibPercentile": PERCENTILE,
            # What a convolution answers goes into its activation unrounded: rounding it there
            # costs score and half of the speed.
            "OpTypesToExcludeOutputQuantization": ["Conv"],
            "CalibStridedMinMax": step,  # by its name for another method; it holds for all
        },
    )


def list_float_nodes(model: Any) -> list[str]:  # noqa: ANN401 - the library ships no types
    """Return the convolutions of the first blocks, and those of the last without an activation.

    The latter answer.
    """
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    blocks = [int(found[1]) for node in convolutions if (found := BLOCK.match(node.name))]
    head = f"/model.{max(blocks, default=0)}/"
    stem = tuple(f"/model.{number}/" for number in range(FLOAT_STEM))
    activated = {
        name for node in model.graph.node if node.op_type == "Sigmoid" for name in node.input
    }
    return [
        node.name
        for node in convolutions
        if node.name.startswith(stem)
        or (node.name.startswith(head) and node.output[0] not in activated)
    ]
