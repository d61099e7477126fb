"""The runtimes give the same boxes and outlines for the same weights."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detection.detectors.base import Outline, TileDetections, TileImage
from detection.detectors.manifest import ModelManifest, list_manifests
from detection.detectors.registry import load_detector
from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.ingest.decode import decode_photo
from detection.ingest.flight import read_photo
from detection.tiling import cut_tile, tile_photo
from tests.fakes import build_manifest
from training.fitting.launch import isolated_environment
from training.promotion.export import export_run
from training.record import hash_file, write_record


def draw_cover(tile_px: int) -> TileImage:
    """Return asphalt with an open shaft: a dark disc inside a light ring."""
    y, x = np.mgrid[0:tile_px, 0:tile_px] - tile_px / 2
    radius = np.hypot(x, y) / tile_px
    grey = np.random.default_rng(3).normal(120, 12, (tile_px, tile_px))
    grey[radius < 0.16] = 170
    grey[radius < 0.13] = 25
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def assert_same(first: TileDetections, second: TileDetections) -> None:
    """Compare by box; ties and order play no part because each row is sought."""
    assert len(first) == len(second)
    for row, outline in zip(first.rows, first.polygons, strict=True):
        distance = np.abs(second.rows[:, :4] - row[:4]).max(axis=1)
        nearest = int((distance + 1e3 * (second.rows[:, 5] != row[5])).argmin())
        assert distance[nearest] < 1.0
        assert second.rows[nearest, 4] == pytest.approx(row[4], abs=0.01)
        ours, other = paint(outline), paint(second.polygons[nearest])
        assert (ours ^ other).sum() <= 0.02 * (ours | other).sum()


def paint(outline: Outline) -> NDArray[np.bool_]:
    picture = np.zeros((640, 640), dtype=np.uint8)
    cv2.fillPoly(picture, [np.round(ring).astype(np.int32) for ring in outline], 1)
    return picture > 0


def test_shipped_models_answer_alike_in_openvino_and_onnx_runtime() -> None:
    manifests = list_manifests()
    if not manifests:
        pytest.skip("no model is promoted yet")
    for manifest in manifests:
        tile = draw_cover(manifest.tile_px)
        low = replace(manifest, score_floor=0.01)
        (ours,), (other,) = (
            load_detector(low, runtime=runtime, precision="fp32").detect_tiles([tile])
            for runtime in ("openvino", "onnx")
        )
        assert_same(ours, other)


@pytest.fixture(scope="module")
def coco_manifest(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelManifest:
    """The starting checkpoint and its export; its 80 classes are all called one."""
    folder = tmp_path_factory.mktemp("coco")
    checkpoint = Path(shutil.copy(shared_dir / "weights" / "yolo26n.pt", folder / "yolo26n.pt"))
    # In a process of its own: the library changes others' functions where it is imported.
    code = (
        "import sys; from ultralytics import YOLO; "
        "YOLO(sys.argv[1]).export(format='onnx', imgsz=640, nms=False)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(checkpoint)],
        env=os.environ
        | {"YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"},
        cwd=folder,
        check=True,
        capture_output=True,
    )
    exported = checkpoint.with_suffix(".onnx")
    return replace(
        build_manifest(
            classes=(HazardClass.MANHOLE_OK,) * 80,
            score_floor=0.25,
            weights_path=exported,
            weights_sha256=hashlib.sha256(exported.read_bytes()).hexdigest(),
        ),
        torch_weights_path=checkpoint,
        torch_weights_sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
    )


def cut_real_tiles(shared_dir: Path) -> list[TileImage]:
    path = shared_dir / "flights" / "minsk_oblique_fc220" / "DJI_0020.JPG"
    photo = read_photo(path, path.name)
    assert isinstance(photo, Photo)
    pixels = decode_photo(photo)
    return [cut_tile(pixels, tile) for tile in tile_photo(photo.width_px, photo.height_px)[-9:]]


def assert_runtimes_agree(
    manifest: ModelManifest, tiles: list[TileImage]
) -> dict[str, list[TileDetections]]:
    answers = {
        runtime: list(
            load_detector(manifest, runtime=runtime, precision="fp32").detect_tiles(tiles)
        )
        for runtime in ("torch", "openvino", "onnx")
    }
    for runtime in ("openvino", "onnx"):
        for ours, other in zip(answers["torch"], answers[runtime], strict=True):
            assert_same(ours, other)
    return answers


@pytest.mark.shared
@pytest.mark.soak
def test_torch_agrees_with_the_others_on_a_real_photo(
    shared_dir: Path, coco_manifest: ModelManifest
) -> None:
    answers = assert_runtimes_agree(coco_manifest, cut_real_tiles(shared_dir))
    assert sum(map(len, answers["torch"])) >= 5


@pytest.mark.shared
@pytest.mark.soak
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_torch_answers_alike_in_batches_of_several_sides_and_in_half_precision(
    shared_dir: Path, coco_manifest: ModelManifest, precision: str
) -> None:
    torch_yolo = importlib.import_module("detection.detectors.torch_yolo")
    whole = cut_real_tiles(shared_dir)[-3:]
    tiles = [part for tile in whole for part in (tile, tile[:320, :320], tile[64:384, 320:])]
    alone = load_detector(coco_manifest, runtime="torch", device="cpu")
    together = torch_yolo.TorchYoloDetector(replace(coco_manifest, precision=precision), batch=4)
    answers = list(alone.detect_tiles(tiles))
    for ours, other in zip(answers, together.detect_tiles(tiles), strict=True):
        sure = ours.select(ours.rows[:, 4] >= coco_manifest.score_floor + 0.02)
        for row in sure.rows:
            distance = np.abs(other.rows[:, :4] - row[:4]).max(axis=1)
            assert distance.min() < 1.0
            assert other.rows[distance.argmin(), 4] == pytest.approx(row[4], abs=0.01)
    assert sum(map(len, answers)) >= 3


@pytest.fixture(scope="module")
def segment_run(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder whose weights are a segment head without training on the starting weights."""
    run_dir = tmp_path_factory.mktemp("segment")
    best = run_dir / "best.pt"
    code = (
        "import sys; from ultralytics import YOLO; "
        "YOLO('yolo26n-seg.yaml', task='segment').load(sys.argv[1]).save(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(shared_dir / "weights" / "yolo26n.pt"), str(best)],
        env=os.environ | isolated_environment(run_dir),
        cwd=run_dir,
        check=True,
        capture_output=True,
    )
    write_record(run_dir, {"config": {"task": "segment"}, "weights": best.name})
    return run_dir


@pytest.mark.shared
@pytest.mark.soak
def test_a_segment_run_is_exported_and_all_runtimes_outline_alike(
    shared_dir: Path, segment_run: Path
) -> None:
    tiles = cut_real_tiles(shared_dir)[-3:]
    onnx_path, parity = export_run(segment_run, tiles)
    assert parity.holds
    assert parity.boxes > 0
    assert parity.mask_iou is not None
    assert parity.mask_iou > 0.99
    checkpoint = segment_run / "best.pt"
    manifest = replace(
        build_manifest(
            classes=(HazardClass.FACADE_CRACK,) * 80,
            score_floor=0.1,
            task="segment",
            weights_path=onnx_path,
            weights_sha256=hash_file(onnx_path),
        ),
        torch_weights_path=checkpoint,
        torch_weights_sha256=hash_file(checkpoint),
    )
    answers = assert_runtimes_agree(manifest, tiles)
    assert any(outline for found in answers["torch"] for outline in found.polygons)
    with pytest.raises(ModelError, match=r"best\.pt is made for the task segment, not detect"):
        load_detector(replace(manifest, task="detect"), runtime="torch")
