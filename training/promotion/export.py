"""Checkpoint to ONNX, with the proof that both say the same.

Batch, height and width of the exported model are free: one file serves the tiles that the model
was trained on, wider ones (sides of whole multiples of 32) and batches on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from detection.detectors.base import TileImage
from detection.detectors.masks import CELL_PX
from detection.detectors.onnx import build_planes
from detection.detectors.rows import ROW_LENGTHS
from detection.domain.errors import ModelError
from detection.domain.geometry import compute_iou
from training.fitting.launch import run_trainer

MIN_SCORE = 0.1
MIN_IOU = 0.98
MAX_SCORE_DIFFERENCE = 0.01
MIN_MASK_IOU = 0.98

WIDE_GRID = (2, 3)
"""Rows and columns of tiles that are laid side by side to see whether the sides are free."""

Rows = NDArray[np.float32]
"""``(k, 6)`` or ``(k, 38)``: x_min, y_min, x_max, y_max, score, class_index, mask coefficients."""

Prototypes = NDArray[np.float32]
"""``(32, h, w)``: a row's coefficients times them, above 0, is its mask in cells."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the exported model is from its checkpoint, over boxes of ``MIN_SCORE`` and more.

    ``mask_iou`` is over the masks of all like boxes together; None for a model without masks.
    The last of the ``tiles`` is a wide one.
    """

    tiles: int
    boxes: int
    unmatched: int
    max_score_difference: float
    mask_iou: float | None = None

    @property
    def holds(self) -> bool:
        """Whether each box has its like, and the same mask."""
        return self.unmatched == 0 and (self.mask_iou is None or self.mask_iou >= MIN_MASK_IOU)


def export_run(run_dir: Path, tiles: Sequence[TileImage]) -> tuple[Path, Parity]:
    """Export the best checkpoint of a run and compare both on the given tiles and on a wide one.

    Raises:
        ModelError: the exporter failed, or the ONNX model has other outputs than its task, or
            sides that are not free.
    """
    folder = run_dir / "export"
    folder.mkdir(exist_ok=True)
    wide = [join_tiles(tiles)]
    np.save(folder / "tiles.npy", np.stack(tiles))
    np.save(folder / "wide.npy", np.stack(wide))
    run_trainer(run_dir, "export")
    onnx_path = folder / "model.onnx"
    forget_origin(onnx_path)
    check_free(onnx_path)
    return onnx_path, add_parities(
        compare_with_checkpoint(onnx_path, tiles, folder, "tiles"),
        compare_with_checkpoint(onnx_path, wide, folder, "wide"),
    )


def join_tiles(tiles: Sequence[TileImage]) -> TileImage:
    """Return one image of ``WIDE_GRID`` tiles side by side; too few come again."""
    rows, columns = WIDE_GRID
    grid = [
        [tiles[(row * columns + column) % len(tiles)] for column in range(columns)]
        for row in range(rows)
    ]
    return np.concatenate([np.concatenate(row, axis=1) for row in grid], axis=0)


def compare_with_checkpoint(
    onnx_path: Path, tiles: Sequence[TileImage], folder: Path, name: str
) -> Parity:
    """Compare the ONNX model with what the trainer left of the checkpoint's answers."""
    rows, prototypes = answer_tiles(onnx_path, tiles)
    torch_rows = np.load(folder / f"torch_{name}_answer.npy")
    parity = measure_parity(torch_rows, rows)
    if not prototypes:
        return parity
    torch_prototypes = np.load(folder / f"torch_{name}_prototypes.npy")
    mask_iou = measure_mask_iou(torch_rows, torch_prototypes, rows, prototypes)
    return replace(parity, mask_iou=mask_iou)


def add_parities(one: Parity, other: Parity) -> Parity:
    """Return what both say together: the worst of each, and the worse masks."""
    masks = [found.mask_iou for found in (one, other) if found.mask_iou is not None]
    return Parity(
        tiles=one.tiles + other.tiles,
        boxes=one.boxes + other.boxes,
        unmatched=one.unmatched + other.unmatched,
        max_score_difference=max(one.max_score_difference, other.max_score_difference),
        mask_iou=min(masks) if masks else None,
    )


def check_free(onnx_path: Path) -> None:
    """Refuse a model that takes one size of tiles only, or one tile at a time.

    Raises:
        ModelError: names the sides that are fixed.
    """
    shape = onnx.load(onnx_path, load_external_data=False).graph.input[0].type.tensor_type.shape
    names = ("batch", "channels", "height", "width")
    fixed = [
        name
        for name, side in zip(names, shape.dim, strict=True)
        if name != "channels" and not side.dim_param
    ]
    if fixed:
        message = f"{onnx_path} is exported with a fixed {', '.join(fixed)}."
        raise ModelError(message, remedy="Export with dynamic=True.")


def forget_origin(onnx_path: Path) -> None:
    """Take out of an ONNX file what the exporter wrote about where and when it was made.

    That names folders of this machine, and gives the same weights another hash every time.
    """
    model = onnx.load(onnx_path)
    del model.metadata_props[:]
    onnx.save(model, onnx_path)


def answer_tiles(
    onnx_path: Path, tiles: Sequence[TileImage]
) -> tuple[list[Rows], list[Prototypes]]:
    """Return what the ONNX model says of each tile; prototypes are empty where it has no masks.

    Raises:
        ModelError: the rows are neither ``(1, k, 6)`` nor ``(1, k, 38)`` with prototypes.
    """
    session = ort.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    length = ROW_LENGTHS["segment" if len(session.get_outputs()) > 1 else "detect"]
    rows: list[Rows] = []
    prototypes: list[Prototypes] = []
    for tile in tiles:
        answer, *masks = session.run(None, {name: build_planes(tile)})
        if answer.shape[0] != 1 or answer.shape[-1] != length:
            message = f"{onnx_path} answers with shape {answer.shape}, not (1, k, {length})."
            raise ModelError(message, remedy="Export with nms=False from a one-to-one head.")
        rows.append(np.asarray(answer[0], dtype=np.float32))
        prototypes += [np.asarray(mask[0], dtype=np.float32) for mask in masks]
    return rows, prototypes


def measure_parity(first: Sequence[Rows] | Rows, second: Sequence[Rows]) -> Parity:
    """Compare two answers to the same tiles, both ways."""
    boxes = unmatched = 0
    worst = 0.0
    for one, other in zip(first, second, strict=True):
        for source, target in ((one, other), (other, one)):
            seen = source[source[:, 4] >= MIN_SCORE]
            differences = _closest_differences(seen, target)
            boxes += len(seen)
            unmatched += int((differences > MAX_SCORE_DIFFERENCE).sum())
            worst = max([worst, *differences[np.isfinite(differences)].tolist()])
    return Parity(len(second), boxes, unmatched, worst)


def measure_mask_iou(
    first: Sequence[Rows] | Rows,
    first_prototypes: Sequence[Prototypes] | Prototypes,
    second: Sequence[Rows],
    second_prototypes: Sequence[Prototypes],
) -> float:
    """Return intersection over union of the masks of all like boxes together; 1 without any."""
    common = either = 0
    pairs = zip(first, first_prototypes, second, second_prototypes, strict=True)
    for one, one_prototypes, other, other_prototypes in pairs:
        for row, like in _pair_rows(one, other):
            masks = [
                _decode_cells(found, prototypes)
                for found, prototypes in ((row, one_prototypes), (like, other_prototypes))
            ]
            common += int((masks[0] & masks[1]).sum())
            either += int((masks[0] | masks[1]).sum())
    return common / either if either else 1.0


def _pair_rows(one: Rows, other: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield each row of ``MIN_SCORE`` and more with the row of the other answer nearest to it."""
    for row in one[one[:, 4] >= MIN_SCORE]:
        distance = np.abs(other[:, :6] - row[:6]).sum(axis=1)
        yield row, other[int(distance.argmin())]


def _decode_cells(row: Rows, prototypes: Prototypes) -> NDArray[np.bool_]:
    """Return the ``(h, w)`` mask of one row in cells, cut to its box."""
    mask = np.tensordot(row[6:], prototypes, axes=1) > 0
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]] * CELL_PX + CELL_PX / 2
    inside = (x >= row[0]) & (x < row[2]) & (y >= row[1]) & (y < row[3])
    return np.asarray(mask & inside)


def _closest_differences(seen: Rows, target: Rows) -> NDArray[np.float64]:
    """Return for each row the smallest score difference to a like box; infinite without one."""
    overlap = compute_iou(seen[:, :4].astype(np.float64), target[:, :4].astype(np.float64))
    like = (overlap >= MIN_IOU) & (seen[:, None, 5] == target[None, :, 5])
    difference = np.abs(seen[:, None, 4].astype(np.float64) - target[None, :, 4])
    return np.asarray(np.where(like, difference, np.inf).min(axis=1, initial=np.inf))
