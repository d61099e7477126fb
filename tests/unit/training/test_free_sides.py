"""An exported model takes tiles of every size: what is compared, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from detection.domain.errors import ModelError
from training.promotion.export import Parity, add_parities, check_free, join_tiles


def save_mean(path: Path, sides: list[int | str]) -> Path:
    """A model whose one input has these sides."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["images"], ["output0"])],
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, None)],
    )
    onnx.save(helper.make_model(graph), path)
    return path


def test_a_model_of_free_sides_passes(tmp_path: Path) -> None:
    check_free(save_mean(tmp_path / "free.onnx", ["batch", 3, "height", "width"]))


@pytest.mark.parametrize(
    ("sides", "told"),
    [
        ([1, 3, "height", "width"], "a fixed batch."),
        (["batch", 3, 416, "width"], "a fixed height."),
        ([1, 3, 416, 416], "a fixed batch, height, width."),
    ],
)
def test_a_fixed_side_is_refused_by_name(tmp_path: Path, sides: list[int | str], told: str) -> None:
    with pytest.raises(ModelError, match=told) as refusal:
        check_free(save_mean(tmp_path / "fixed.onnx", sides))
    assert "dynamic=True" in str(refusal.value.remedy)


@pytest.mark.parametrize("count", [1, 4, 6, 9])
def test_the_wide_tile_shows_the_tiles_side_by_side(count: int) -> None:
    tiles = [np.full((32, 32, 3), number, dtype=np.uint8) for number in range(count)]
    wide = join_tiles(tiles)
    assert wide.shape == (64, 96, 3), "no square: height and width are tried apart"
    shown = [int(wide[y, x, 0]) for y in (0, 32) for x in (0, 32, 64)]
    assert shown == [number % count for number in range(6)]


def test_the_worse_of_two_comparisons_decides() -> None:
    good = Parity(6, 20, 0, 0.001, 1.0)
    both = add_parities(good, Parity(1, 4, 1, 0.3, 0.9))
    assert both == Parity(7, 24, 1, 0.3, 0.9)
    assert not both.holds
    assert add_parities(good, Parity(1, 4, 0, 0.0, 0.97)).mask_iou == 0.97
    assert add_parities(Parity(6, 20, 0, 0.0), Parity(1, 4, 0, 0.0)).mask_iou is None
