"""Appearance vectors: from the neck of a model, alike for what looks alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detection.appearance import Describer, UndescribableModelError, vector_to_bytes
from detection.appearance.crop import CONTEXT, MIN_SIDE_PX, crop_tile
from detection.detectors.manifest import ModelManifest, list_manifests
from detection.domain.geometry import BBox
from tests.tiny_model import write_tiny_model

SIDE_PX = 64
CHANNELS = 8
WEIGHTS = "e" * 64


def write_model_with_neck(path: Path) -> Path:
    """Write a model of three modules: two levels of a neck, and a head that joins both."""
    rng = np.random.default_rng(7)
    kernels = {
        "fine": rng.normal(size=(CHANNELS, 3, 4, 4)),
        "coarse": rng.normal(size=(CHANNELS, CHANNELS, 2, 2)),
    }
    weights = [
        numpy_helper.from_array(kernel.astype(np.float32), name) for name, kernel in kernels.items()
    ]
    nodes = [
        _node("Conv", ["images", "fine"], "a", "/model.0/conv/Conv", strides=[4, 4]),
        _node("Sigmoid", ["a"], "fine_map", "/model.0/act/Sigmoid"),
        _node("Conv", ["fine_map", "coarse"], "b", "/model.1/conv/Conv", strides=[2, 2]),
        _node("Sigmoid", ["b"], "coarse_map", "/model.1/act/Sigmoid"),
        _node("GlobalAveragePool", ["fine_map"], "c", "/model.2/one/Pool"),
        _node("GlobalAveragePool", ["coarse_map"], "d", "/model.2/two/Pool"),
        _node("Add", ["c", "d"], "output0", "/model.2/Add"),
    ]
    graph = helper.make_graph(
        nodes,
        "necked",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, CHANNELS, 1, 1])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def _node(kind: str, inputs: list[str], output: str, name: str, **attributes: object) -> object:
    return helper.make_node(kind, inputs, [output], name=name, **attributes)


@pytest.fixture(scope="module")
def describer(tmp_path_factory: pytest.TempPathFactory) -> Describer:
    folder = tmp_path_factory.mktemp("necked")
    return Describer(write_model_with_neck(folder / "necked.onnx"), WEIGHTS, SIDE_PX)


def draw_photo() -> tuple[NDArray[np.uint8], list[BBox]]:
    """Return a photo of grey ground with two checked things and a plain one, and their boxes."""
    rng = np.random.default_rng(3)
    photo = np.full((400, 600, 3), 120, np.uint8)
    checks = (np.indices((60, 60)).sum(axis=0) // 6 % 2 * 200)[..., None].repeat(3, axis=2)
    boxes = [BBox(x, 150.0, x + 60.0, 210.0) for x in (60.0, 260.0, 460.0)]
    for box, picture in zip(boxes, (checks, checks, np.full_like(checks, 30)), strict=True):
        x, y = int(box.x_min), int(box.y_min)
        photo[y : y + 60, x : x + 60] = picture + rng.integers(0, 20, (60, 60, 3))
    return photo, boxes


def test_vectors_have_length_one_and_are_the_same_each_time(describer: Describer) -> None:
    photo, boxes = draw_photo()
    vectors = describer.describe(photo, boxes)
    assert vectors.shape == (3, 2 * CHANNELS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.array_equal(vectors, describer.describe(photo, boxes))
    assert describer.weights_sha256 == WEIGHTS


def test_what_looks_alike_is_alike_and_the_rest_is_not(describer: Describer) -> None:
    photo, boxes = draw_photo()
    one, other, plain = describer.describe(photo, boxes)
    assert one @ other > 0.99
    assert one @ plain < one @ other - 0.2


def test_stored_vectors_keep_their_likeness(describer: Describer) -> None:
    photo, boxes = draw_photo()
    vectors = describer.describe(photo, boxes)
    stored = np.stack([np.frombuffer(vector_to_bytes(each), "<f2") for each in vectors])
    assert stored.astype(np.float32) @ stored.T == pytest.approx(vectors @ vectors.T, abs=2e-3)


def test_a_model_without_named_modules_is_refused(tmp_path: Path) -> None:
    weights = write_tiny_model(tmp_path).with_suffix(".onnx")
    with pytest.raises(UndescribableModelError, match="neck"):
        Describer(weights, WEIGHTS, SIDE_PX)


@pytest.mark.parametrize("manifest", list_manifests(), ids=lambda one: one.name)
def test_the_models_in_force_show_their_necks(manifest: ModelManifest) -> None:
    describer = Describer(manifest.weights_path, manifest.weights_sha256, manifest.tile_px)
    photo, boxes = draw_photo()
    one, other, plain = describer.describe(photo, boxes)
    assert one @ other > 0.9
    assert one @ plain < 0.7


@given(
    x=st.floats(-50, 5000),
    y=st.floats(-50, 5000),
    width=st.floats(0, 3000),
    height=st.floats(0, 3000),
    photo=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
)
def test_crops_are_squares_inside_the_photo(
    x: float, y: float, width: float, height: float, photo: tuple[int, int]
) -> None:
    width_px, height_px = photo
    tile = crop_tile(BBox(x, y, x + width, y + height), width_px, height_px, SIDE_PX)
    side_px = tile.x_max - tile.x_min
    assert side_px == tile.y_max - tile.y_min >= 1
    assert 0 <= tile.x_min < tile.x_max <= width_px
    assert 0 <= tile.y_min < tile.y_max <= height_px
    assert tile.scale * side_px == pytest.approx(SIDE_PX)


def test_a_crop_holds_the_thing_with_ground_around_it() -> None:
    tile = crop_tile(BBox(1000, 1000, 1100, 1050), 4000, 3000, SIDE_PX)
    assert (tile.x_min, tile.x_max) == (930, 1170)
    assert tile.x_max - tile.x_min == round(100 * CONTEXT)
    small = crop_tile(BBox(1000, 1000, 1004, 1004), 4000, 3000, SIDE_PX)
    assert small.x_max - small.x_min == MIN_SIDE_PX
