"""The path to a GPU, run on the CPU: graph, batches, padding, buffers and threads are the same."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from detection.detectors import onnx_gpu
from detection.detectors.base import TileImage
from detection.detectors.devices import CPU, Device
from detection.detectors.gpu_graph import build_gpu_graph, find_decoding
from detection.detectors.manifest import ModelManifest, list_manifests, load_manifest
from detection.detectors.onnx import OnnxDetector
from detection.domain.errors import ConfigurationError, ModelError
from tests.fakes import build_channel_model, build_manifest
from tests.free_sided_model import CORNERS_XYXY, write_free_sided_model
from tests.tiny_model import write_tiny_segment_model

GPU = Device("cuda", 0)
HALF_STEP = 2.0**-11
"""Largest relative error of one rounding to FP16."""

MINSK, TURIN = "minsk_oblique_fc220/DJI_0020.JPG", "turin_nadir_p4m_rtk/DJI_0020.JPG"
MINSK_COVERS = "minsk_oblique_fc220/DJI_0022.JPG"
REAL_TILES = {
    "manhole": (MINSK, [(2932, 611), (0, 611), (2280, 1222)]),
    "manhole_far": (MINSK_COVERS, [(416, 832), (832, 832), (1664, 1248)]),
    "facade_crack": (TURIN, [(0, 0)]),
    "added_storey": (MINSK, [(2841, 1802), (3196, 1501)]),
}
"""A photo and the corners x, y of tiles in which the model finds something."""


@pytest.fixture
def manifest(tmp_path: Path) -> ModelManifest:
    return write_free_sided_model(tmp_path)


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the session for a GPU run on the CPU."""
    real = onnx_gpu.GpuSession
    monkeypatch.setattr(
        onnx_gpu,
        "GpuSession",
        lambda manifest, options, _: real(manifest, options, CPU),
    )


def set_half(manifest: ModelManifest, *, half: bool) -> ModelManifest:
    return replace(manifest, precision="fp16" if half else "fp32")


def draw_tiles(count: int, sides: tuple[int, ...] = (64,)) -> list[TileImage]:
    rng = np.random.default_rng(3)
    shapes = [(side_px, rng.choice(sides), 3) for side_px in rng.choice(sides, count)]
    return [rng.integers(30, 256, shape, dtype=np.uint8) for shape in shapes]


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("half", [False, True])
def test_batches_of_several_sides_answer_as_one_tile_after_the_other(
    manifest: ModelManifest, *, half: bool
) -> None:
    tiles = draw_tiles(41, (32, 64, 128))
    one_by_one = list(OnnxDetector(manifest, threads=1).detect_tiles(tiles))
    ours = OnnxDetector(set_half(manifest, half=half), threads=1, device=GPU, batch=8)
    for expected, found in zip(one_by_one, ours.detect_tiles(tiles), strict=True):
        assert found.rows[:, :4].tolist() == expected.rows[:, :4].tolist()
        assert found.rows[:, 5].tolist() == expected.rows[:, 5].tolist()
        tolerance = 4 * HALF_STEP if half else 1e-6
        assert found.rows[:, 4] == pytest.approx(expected.rows[:, 4], abs=tolerance)


@pytest.mark.parametrize("batch", [2, 8])
def test_a_batch_on_the_cpu_answers_as_one_tile_after_the_other(
    manifest: ModelManifest, batch: int
) -> None:
    tiles = draw_tiles(11, (32, 64))
    one_by_one = OnnxDetector(manifest, threads=1).detect_tiles(tiles)
    together = OnnxDetector(manifest, threads=1, batch=batch).detect_tiles(tiles)
    for expected, found in zip(one_by_one, together, strict=True):
        assert found.rows == pytest.approx(expected.rows, abs=1e-6)


def test_half_precision_ends_where_pixels_begin(manifest: ModelManifest) -> None:
    data = build_gpu_graph(manifest.weights_path, half=True)
    typed = onnx.shape_inference.infer_shapes(onnx.load_from_string(data), strict_mode=True).graph
    kinds = {one.name: one.type.tensor_type.elem_type for one in typed.value_info}
    assert kinds["seen"] == onnx.TensorProto.FLOAT16
    assert {kinds[name] for name in ("mean", "score", "boxes")} == {onnx.TensorProto.FLOAT}
    assert float(np.float16(CORNERS_XYXY[2][0])) != pytest.approx(CORNERS_XYXY[2][0], abs=0.1)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    (rows,) = session.run(None, {"pixels": np.stack(draw_tiles(2))})
    assert rows[0, :, :4] == pytest.approx(np.array(CORNERS_XYXY), abs=1e-4)


def test_the_decoding_begins_behind_the_last_weights(manifest: ModelManifest) -> None:
    decoding = find_decoding(onnx.load(manifest.weights_path).graph)
    assert decoding == {"mean", "score", "nothing", "boxes", "indices", "output0"}


@pytest.mark.shared
@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("manifest", list_manifests(), ids=lambda one: one.name)
def test_half_precision_finds_the_same_on_a_real_photo(
    shared_dir: Path, manifest: ModelManifest
) -> None:
    photo, corners = REAL_TILES[manifest.name]
    pixels = cv2.cvtColor(cv2.imread(str(shared_dir / "flights" / photo)), cv2.COLOR_BGR2RGB)
    side_px = manifest.tile_px
    tiles = [pixels[y : y + side_px, x : x + side_px] for x, y in corners]
    whole, halved = (
        list(OnnxDetector(set_half(manifest, half=half), threads=2, device=GPU).detect_tiles(tiles))
        for half in (False, True)
    )
    sure = 0
    for one, other in zip(whole, halved, strict=True):
        for row in one.rows[one.rows[:, 4] >= 0.15]:
            nearest = other.rows[np.abs(other.rows[:, :4] - row[:4]).max(axis=1).argmin()]
            assert nearest[:4] == pytest.approx(row[:4], abs=1.0)
            assert nearest[4] == pytest.approx(row[4], abs=0.02)
            sure += 1
    assert sure


def test_a_graph_without_any_weights_is_left_in_full_precision(tmp_path: Path) -> None:
    manifest = load_manifest(write_tiny_segment_model(tmp_path))
    options = ort.SessionOptions()
    tiles = [np.full((640, 640, 3), 128, dtype=np.uint8)]
    whole, halved = (
        onnx_gpu.GpuSession(set_half(manifest, half=half), options, CPU).run(tiles, 1)
        for half in (False, True)
    )
    for one, other in zip(whole, halved, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize(("count", "shapes"), [(1, {1}), (3, {4}), (5, {8}), (8, {8}), (12, {12})])
def test_few_shapes_are_run(
    manifest: ModelManifest, monkeypatch: pytest.MonkeyPatch, count: int, shapes: set[int]
) -> None:
    session = onnx_gpu.GpuSession(manifest, ort.SessionOptions(), CPU)
    made: list[int] = []
    make = session._make_buffers

    def make_and_tell(shape: tuple[int, ...]) -> object:
        made.append(shape[0])
        return make(shape)

    monkeypatch.setattr(session, "_make_buffers", make_and_tell)
    tiles = draw_tiles(count)
    for _ in range(3):
        (rows,) = session.run(tiles, 12)
        assert rows.shape == (count, 3, 6)
        expected = [tile.mean(axis=(0, 1)) / 255 for tile in tiles]
        assert rows[:, :, 4] == pytest.approx(np.array(expected), abs=1e-4)
    assert made == list(shapes)  # made once, used again


def test_a_file_of_one_tile_is_never_given_more(tmp_path: Path) -> None:
    path = tmp_path / "fixed.onnx"
    build_channel_model(path, 64)
    manifest = build_manifest(tile_px=64, weights_path=path)
    detector = OnnxDetector(manifest, batch=8)
    assert len(list(detector.detect_tiles(draw_tiles(5)))) == 5
    with pytest.raises(ModelError, match="1 tiles of 128x128 px") as caught:
        list(detector.detect_tiles(draw_tiles(1, (128,))))
    assert "tile_factor" in caught.value.remedy


def test_a_gpu_that_does_not_start_says_what_to_install(
    manifest: ModelManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ort.InferenceSession
    monkeypatch.setattr(
        ort,
        "InferenceSession",  # what ONNX Runtime does: a line on stderr, and the CPU instead
        lambda graph, options, **_: real(graph, options, providers=["CPUExecutionProvider"]),
    )
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    with pytest.raises(ConfigurationError, match="could not be started on cuda:0") as caught:
        OnnxDetector(manifest, device=GPU)
    assert "requirements/gpu.txt" in caught.value.remedy


def test_a_gpu_without_the_tools_to_prepare_a_graph_says_what_to_install(
    manifest: ModelManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "detection.detectors.onnx_gpu")
    monkeypatch.delitem(sys.modules, "detection.detectors.gpu_graph")
    with pytest.raises(ConfigurationError, match="cannot be made ready for a GPU") as caught:
        OnnxDetector(manifest, device=GPU)
    assert "requirements/gpu.txt" in caught.value.remedy
