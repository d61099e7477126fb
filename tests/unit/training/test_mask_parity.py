from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from detection.domain.errors import ModelError
from tests.tiny_model import SCORE, write_tiny_segment_model
from training.promotion.export import MIN_MASK_IOU, Parity, answer_tiles, measure_mask_iou

TILE = np.full((640, 640, 3), 128, dtype=np.uint8)


def test_a_segment_model_answers_rows_and_prototypes(tmp_path: Path) -> None:
    onnx_path = write_tiny_segment_model(tmp_path).with_suffix(".onnx")
    (rows, again), (prototypes, _) = answer_tiles(onnx_path, [TILE, TILE])
    assert rows.shape == (300, 38)
    assert prototypes.shape == (32, 160, 160)
    assert rows[0, 4] == again[0, 4] == pytest.approx(SCORE)


def test_masks_are_compared_where_boxes_are_alike(tmp_path: Path) -> None:
    onnx_path = write_tiny_segment_model(tmp_path).with_suffix(".onnx")
    rows, prototypes = answer_tiles(onnx_path, [TILE])
    assert measure_mask_iou(rows, prototypes, rows, prototypes) == 1.0
    reordered = [np.roll(rows[0], 7, axis=0)]
    assert measure_mask_iou(rows, prototypes, reordered, prototypes) == 1.0
    moved = [np.roll(prototypes[0], 1, axis=2)]
    assert 0.1 < measure_mask_iou(rows, prototypes, rows, moved) < 0.9
    unsure = [rows[0] * np.float32(0.01)]
    assert measure_mask_iou(unsure, prototypes, unsure, moved) == 1.0  # nothing to compare


@pytest.mark.parametrize(
    ("mask_iou", "holds"), [(None, True), (1.0, True), (MIN_MASK_IOU - 0.01, False)]
)
def test_an_export_with_other_masks_does_not_hold(mask_iou: float | None, *, holds: bool) -> None:
    assert Parity(1, 2, 0, 0.0, mask_iou).holds is holds


def test_a_model_with_other_outputs_is_named(tmp_path: Path) -> None:
    onnx_path = write_tiny_segment_model(tmp_path).with_suffix(".onnx")
    model = onnx.load(onnx_path)
    del model.graph.output[1]
    onnx.save(model, onnx_path)
    with pytest.raises(ModelError, match=r"facade_crack\.onnx answers with shape \(1, 300, 38\)"):
        answer_tiles(onnx_path, [TILE])
