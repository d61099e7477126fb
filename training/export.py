"""Checkpoint to ONNX, with the proof that both say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from detection.detectors.base import TileImage
from detection.detectors.onnx import build_planes
from detection.detectors.rows import ROW_LENGTH
from detection.domain.errors import ModelError
from detection.domain.geometry import compute_iou
from training.launch import run_trainer

MIN_SCORE = 0.1
MIN_IOU = 0.98
MAX_SCORE_DIFFERENCE = 0.01

Rows = NDArray[np.float32]
"""``(k, 6)``: x_min, y_min, x_max, y_max, score, class_index."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the exported model is from its checkpoint, over boxes of ``MIN_SCORE`` and more."""

    tiles: int
    boxes: int
    unmatched: int
    max_score_difference: float

    @property
    def holds(self) -> bool:
        """Whether each box has its like."""
        return self.unmatched == 0


def export_run(run_dir: Path, tiles: Sequence[TileImage]) -> tuple[Path, Parity]:
    """Export the best checkpoint of a run and compare both on the given tiles.

    Raises:
        ModelError: the exporter failed, or the ONNX model has another output than ``(1, k, 6)``.
    """
    folder = run_dir / "export"
    folder.mkdir(exist_ok=True)
    np.save(folder / "tiles.npy", np.stack(tiles))
    run_trainer(run_dir, "export")
    onnx_path = folder / "model.onnx"
    torch_answers = np.load(folder / "torch_answer.npy")
    return onnx_path, measure_parity(torch_answers, answer_tiles(onnx_path, tiles))


def answer_tiles(onnx_path: Path, tiles: Sequence[TileImage]) -> list[Rows]:
    """Return what the ONNX model says of each tile.

    Raises:
        ModelError: the output is not ``(1, k, 6)``.
    """
    session = ort.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers: list[Rows] = []
    for tile in tiles:
        answer = np.asarray(session.run(None, {name: build_planes(tile)})[0], dtype=np.float32)
        if answer.shape[0] != 1 or answer.shape[-1] != ROW_LENGTH:
            message = f"{onnx_path} answers with shape {answer.shape}, not (1, k, {ROW_LENGTH})."
            raise ModelError(message, remedy="Export with nms=False from a one-to-one head.")
        answers.append(answer[0])
    return answers


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


def _closest_differences(seen: Rows, target: Rows) -> NDArray[np.float64]:
    """Return for each row the smallest score difference to a like box; infinite without one."""
    overlap = compute_iou(seen[:, :4].astype(np.float64), target[:, :4].astype(np.float64))
    like = (overlap >= MIN_IOU) & (seen[:, None, 5] == target[None, :, 5])
    difference = np.abs(seen[:, None, 4].astype(np.float64) - target[None, :, 4])
    return np.asarray(np.where(like, difference, np.inf).min(axis=1, initial=np.inf))
