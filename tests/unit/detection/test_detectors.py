from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest, load_manifest
from detection.detectors.masks import COEFFICIENTS
from detection.detectors.openvino import MAX_WIDE_SIZES
from detection.detectors.registry import ADAPTERS, Precision, choose_weights, load_detector
from detection.detectors.rows import build_photo_boxes, select_rows
from detection.domain.errors import ConfigurationError, ModelError
from detection.domain.geometry import Tile, compute_polygon_area
from detection.domain.hazard import HazardClass
from tests.fakes import build_channel_model, build_manifest
from tests.free_sided_model import write_free_sided_model
from tests.tiny_model import (
    CRACK_WIDTH_PX,
    CRACK_XYXY_IN_TILE,
    SCORE,
    write_tiny_model,
    write_tiny_segment_model,
)

TILE_PX = 64
CPU_RUNTIMES = ("openvino", "onnx")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> ModelManifest:
    path = tmp_path_factory.mktemp("model") / "channels.onnx"
    build_channel_model(path, TILE_PX)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return build_manifest(tile_px=TILE_PX, weights_path=path, weights_sha256=sha256)


def flat_tile(red: int, green: int, blue: int) -> TileImage:
    return np.full((TILE_PX, TILE_PX, 3), (red, green, blue), dtype=np.uint8)


def grey_tile() -> TileImage:
    return np.full((640, 640, 3), 128, dtype=np.uint8)


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_channels_are_red_green_blue_between_0_and_1(manifest: ModelManifest, runtime: str) -> None:
    detector = load_detector(manifest, runtime=runtime, streams=2)
    (found,) = detector.detect_tiles([flat_tile(255, 102, 51)])
    assert found.polygons == ((), (), ())
    assert found.rows.dtype == np.float32
    assert found.rows.tolist() == [
        pytest.approx([1, 2, 11, 12, 1.0, 0], abs=1e-4),
        pytest.approx([3, 4, 13, 14, 0.4, 1], abs=1e-4),
        pytest.approx([5, 6, 15, 16, 0.2, 2], abs=1e-4),
    ]


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_answers_come_in_the_order_of_the_tiles_without_those_below_the_floor(
    manifest: ModelManifest, runtime: str
) -> None:
    detector = load_detector(manifest, runtime=runtime, streams=3)
    levels = [(index * 37) % 256 for index in range(60)]
    answers = list(detector.detect_tiles(flat_tile(level, 0, 0) for level in levels))
    assert len(answers) == len(levels)
    for level, found in zip(levels, answers, strict=True):
        expected = [] if level / 255 < manifest.score_floor else [level / 255]
        assert found.rows[:, 4].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_tiles_are_taken_only_as_fast_as_they_are_looked_at(
    manifest: ModelManifest, runtime: str
) -> None:
    taken = 0

    def count_tiles() -> Iterator[TileImage]:
        nonlocal taken
        for _ in range(500):
            taken += 1
            yield flat_tile(200, 0, 0)

    answers = load_detector(manifest, runtime=runtime, streams=2).detect_tiles(count_tiles())
    next(answers)
    assert taken < 250
    assert isinstance(answers, Generator)
    answers.close()


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_no_tiles_give_no_answers_and_the_detector_can_be_used_again(
    manifest: ModelManifest, runtime: str
) -> None:
    detector = load_detector(manifest, runtime=runtime)
    assert list(detector.detect_tiles([])) == []
    assert len(list(detector.detect_tiles([flat_tile(9, 99, 200)]))) == 1


def test_strided_tiles_are_read_as_they_look(manifest: ModelManifest) -> None:
    photo = np.zeros((200, 200, 3), dtype=np.uint8)
    photo[:, 100:] = (0, 255, 0)
    for runtime in CPU_RUNTIMES:
        (found,) = load_detector(manifest, runtime=runtime).detect_tiles([photo[70:134, 68:132]])
        assert found.rows[:, 4].tolist() == pytest.approx([0.5], abs=1e-4)


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_a_file_that_is_no_model_is_a_model_error(
    tmp_path: Path, manifest: ModelManifest, runtime: str
) -> None:
    path = tmp_path / "text.onnx"
    path.write_bytes(b"hello")
    sha256 = hashlib.sha256(b"hello").hexdigest()
    with pytest.raises(ModelError, match=r"text\.onnx"):
        load_detector(replace(manifest, weights_path=path, weights_sha256=sha256), runtime=runtime)


def test_changed_weights_are_never_opened(manifest: ModelManifest) -> None:
    with pytest.raises(ModelError, match="sha256"):
        load_detector(replace(manifest, weights_sha256="f" * 64))


def test_an_unknown_runtime_lists_the_known_ones(manifest: ModelManifest) -> None:
    with pytest.raises(ConfigurationError, match="abacus") as caught:
        load_detector(manifest, runtime="abacus")
    assert all(name in caught.value.remedy for name in ADAPTERS)


def test_a_runtime_that_is_not_installed_says_what_to_install(
    manifest: ModelManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "detection.detectors.onnx", raising=False)
    with pytest.raises(ConfigurationError, match="onnx is not installed") as caught:
        load_detector(manifest, runtime="onnx")
    assert "requirements" in caught.value.remedy


def test_torch_needs_a_checkpoint(manifest: ModelManifest) -> None:
    with pytest.raises(ModelError, match="needs torch"):
        load_detector(manifest, runtime="torch")


def test_a_checkpoint_is_checked_before_it_is_unpickled(
    manifest: ModelManifest, tmp_path: Path
) -> None:
    path = tmp_path / "evil.pt"
    path.write_bytes(b"cos\nsystem\n")
    with pytest.raises(ModelError, match=r"evil\.pt .* have sha256"):
        load_detector(
            replace(manifest, torch_weights_path=path, torch_weights_sha256="0" * 64),
            runtime="torch",
        )


def test_an_answer_of_another_shape_or_class_is_named() -> None:
    manifest = build_manifest()
    with pytest.raises(ModelError, match=r"absent\.onnx .* shape \(1, 84, 8400\)"):
        select_rows([np.zeros((1, 84, 8400), dtype=np.float32)], manifest)
    row = np.array([[[0, 0, 1, 1, 0.9, 7]]], dtype=np.float32)
    with pytest.raises(ModelError, match="answers class 7, its manifest lists 3"):
        select_rows([row], manifest)


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
@pytest.mark.parametrize(("made_for", "declared"), [("detect", "segment"), ("segment", "detect")])
def test_a_model_of_another_task_is_refused_with_its_file(
    tmp_path: Path, runtime: str, made_for: str, declared: str
) -> None:
    write = write_tiny_model if made_for == "detect" else write_tiny_segment_model
    manifest = replace(load_manifest(write(tmp_path, name="odd")), task=declared)
    with pytest.raises(ModelError, match=rf"odd\.onnx .*the task {declared} needs"):
        load_detector(manifest, runtime=runtime)


@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_a_segment_model_gives_each_box_its_outline(tmp_path: Path, runtime: str) -> None:
    manifest = load_manifest(write_tiny_segment_model(tmp_path))
    (found,) = load_detector(manifest, runtime=runtime).detect_tiles([grey_tile()])
    assert found.rows.shape == (1, 6)
    assert found.rows[0].tolist() == pytest.approx([*CRACK_XYXY_IN_TILE, SCORE, 0])
    ((ring,),) = found.polygons
    assert (ring.min(axis=0), ring.max(axis=0)) == (
        pytest.approx(CRACK_XYXY_IN_TILE[:2], abs=1),
        pytest.approx(CRACK_XYXY_IN_TILE[2:], abs=1),
    )
    length_px = np.hypot(160, 120)
    area = compute_polygon_area(tuple(map(tuple, ring.tolist())))
    assert area == pytest.approx(length_px * CRACK_WIDTH_PX, rel=0.1)


def test_only_the_best_boxes_of_a_tile_are_outlined() -> None:
    manifest = build_manifest("crack", (HazardClass.FACADE_CRACK,), task="segment")
    rows = np.zeros((1, 300, 6 + COEFFICIENTS), dtype=np.float32)
    rows[0, :, 2:4] = 40
    rows[0, :, 4] = np.linspace(0.2, 0.9, 300)
    rows[0, :, 6] = 1
    found = select_rows([rows, np.ones((1, COEFFICIENTS, 160, 160), dtype=np.float32)], manifest)
    assert len(found) == 300
    assert [bool(one) for one in found.polygons] == [False] * 200 + [True] * 100


def test_an_outline_moves_to_the_photo_with_its_box() -> None:
    manifest = build_manifest("crack", (HazardClass.FACADE_CRACK,), task="segment")
    ring = np.array([[10.0, 20.0], [110.0, 20.0], [110.0, 40.26]])
    outside = np.array([[150.0, 20.0], [200.0, 20.0], [200.0, 40.0]])
    rows = np.array([[10, 20, 200, 50, 0.9, 0], [0, 0, 9, 9, 0.1, 0]], dtype=np.float32)
    found = TileDetections(rows, ((ring, outside), ()))
    build = partial(build_photo_boxes, photo_id="a.jpg", width_px=570, height_px=800)
    (box,) = build(found, Tile(300, 100, 940, 740, 0.5), manifest)
    assert box.detection.bbox_xyxy.xyxy == (320, 140, 570, 200)
    assert box.detection.polygons == (((320.0, 140.0), (520.0, 140.0), (520.0, 180.5)),)


def test_rows_below_the_threshold_of_their_class_are_dropped() -> None:
    manifest = replace(
        build_manifest(),
        thresholds={
            HazardClass.MANHOLE_OK: 0.8,
            HazardClass.MANHOLE_BROKEN: 0.3,
            HazardClass.MANHOLE_MISSING: 0.3,
        },
    )
    rows = np.array([[0, 0, 9, 9, 0.7, 0], [10, 10, 700, 99, 0.4, 2]], dtype=np.float32)
    tile = Tile(300, 100, 940, 740, 1.0)
    build = partial(build_photo_boxes, photo_id="a.jpg", width_px=950, height_px=800)
    found = TileDetections.from_rows(rows)
    (box,) = build(found, tile, manifest)
    assert box.detection.hazard_class is HazardClass.MANHOLE_MISSING
    assert box.detection.bbox_xyxy.xyxy == (310, 110, 950, 199)
    assert box.touches_seam
    assert len(build(found, tile, manifest, use_thresholds=False)) == 2


def test_the_torch_runtime_leaves_pillow_as_it_was() -> None:
    code = (
        "from PIL import Image\n"
        "before = Image.open\n"
        "import detection.detectors.torch_yolo\n"
        "assert Image.open is before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_wide_tiles_go_through_a_model_with_free_sides_and_few_sizes_stay_loaded(
    tmp_path: Path,
) -> None:
    manifest = replace(write_free_sided_model(tmp_path), score_floor=0.0)
    detector = load_detector(manifest, threads=1, precision="fp32")
    sizes = [(64, 64), (96, 64), (64, 96), (64, 64), (128, 128), (96, 64)]
    tiles = [np.full((*size, 3), 20 * number, dtype=np.uint8) for number, size in enumerate(sizes)]
    found = [answer.rows[0, 4] for answer in detector.detect_tiles(iter(tiles))]
    assert found == pytest.approx([20 * number / 255 for number in range(6)], abs=1e-4)
    assert len(detector._wide) == MAX_WIDE_SIZES  # type: ignore[attr-defined]


def test_a_model_of_one_side_says_what_to_do_about_wide_tiles(manifest: ModelManifest) -> None:
    detector = load_detector(manifest)
    with pytest.raises(ModelError, match=r"does not take tiles of 672 x 640 px") as caught:
        list(detector.detect_tiles([np.zeros((640, 672, 3), dtype=np.uint8)]))
    assert "tile_factor" in caught.value.remedy


def test_the_arithmetic_follows_the_processor_and_is_named(
    manifest: ModelManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = tmp_path / "cpuinfo"
    monkeypatch.setattr("detection.machine.CPU_INFO", cpu)
    both = replace(manifest, int8_weights_path=tmp_path / "small.onnx")
    chosen = {}
    precisions: tuple[Precision, ...] = ("auto", "int8")
    for flags in ("sse2", "avx512_vnni", "avx512_vnni avx512_bf16"):
        cpu.write_text(f"flags : {flags}\n", encoding="ascii")
        chosen[flags] = [
            choose_weights(one, precision, runtime=runtime).precision
            for precision in precisions
            for one in (manifest, both)
            for runtime in ("openvino", "onnx")
        ]
        assert choose_weights(both, "fp32", runtime="openvino") == both
    # auto never takes INT8, which loses boxes that bfloat16 keeps; by name it runs where it ships
    assert chosen == {
        "sse2": [*["fp32", "fp32", "fp32", "fp32"], *["fp32", "fp32", "int8", "int8"]],
        "avx512_vnni": [*["fp32", "fp32", "fp32", "fp32"], *["fp32", "fp32", "int8", "int8"]],
        "avx512_vnni avx512_bf16": [
            *["bf16", "fp32", "bf16", "fp32"],
            *["bf16", "fp32", "int8+bf16", "int8"],
        ],
    }
    with pytest.raises(ConfigurationError, match="onnx does not compute in bfloat16"):
        choose_weights(manifest, "bf16", runtime="onnx")


def test_threads_of_openvino_are_not_tied_to_processors(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    detector = load_detector(write_free_sided_model(tmp_path), threads=1)
    list(detector.detect_tiles([np.zeros((64, 64, 3), dtype=np.uint8)] * 3))
    allowed = {
        line
        for status in Path("/proc/self/task").glob("*/status")
        for line in status.read_text(encoding="utf-8").splitlines()
        if line.startswith("Cpus_allowed_list")
    }
    assert len(allowed) == 1
    assert os.sched_getaffinity(0) == before
