"""The runtimes give the same boxes for the same weights."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest, list_manifests
from detection.detectors.registry import load_detector
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.ingest.decode import decode_photo
from detection.ingest.flight import read_photo
from detection.tiling import cut_tile, tile_photo
from tests.fakes import build_manifest


def draw_cover(tile_px: int) -> TileImage:
    """Return asphalt with an open shaft: a dark disc inside a light ring."""
    y, x = np.mgrid[0:tile_px, 0:tile_px] - tile_px / 2
    radius = np.hypot(x, y) / tile_px
    grey = np.random.default_rng(3).normal(120, 12, (tile_px, tile_px))
    grey[radius < 0.16] = 170
    grey[radius < 0.13] = 25
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def assert_same_boxes(first: TileDetections, second: TileDetections) -> None:
    """Compare rows by score; ties and order play no part because each row is sought."""
    assert len(first) == len(second)
    for row in first:
        distance = np.abs(second[:, :4] - row[:4]).max(axis=1) + 1e3 * (second[:, 5] != row[5])
        nearest = int(distance.argmin())
        assert distance[nearest] < 1.0
        assert second[nearest, 4] == pytest.approx(row[4], abs=0.01)


def test_shipped_models_answer_alike_in_openvino_and_onnx_runtime() -> None:
    manifests = list_manifests()
    if not manifests:
        pytest.skip("no model is promoted yet")
    for manifest in manifests:
        tile = draw_cover(manifest.tile_px)
        low = replace(manifest, score_floor=0.01)
        (ours,), (other,) = (
            load_detector(low, runtime=runtime).detect_tiles([tile])
            for runtime in ("openvino", "onnx")
        )
        assert_same_boxes(ours, other)


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


@pytest.mark.shared
def test_torch_agrees_with_the_others_on_a_real_photo(
    shared_dir: Path, coco_manifest: ModelManifest
) -> None:
    path = shared_dir / "flights" / "minsk_oblique_fc220" / "DJI_0020.JPG"
    photo = read_photo(path, path.name)
    assert isinstance(photo, Photo)
    pixels = decode_photo(photo)
    tiles = [cut_tile(pixels, tile) for tile in tile_photo(photo.width_px, photo.height_px)[-9:]]
    answers = {
        runtime: list(load_detector(coco_manifest, runtime=runtime).detect_tiles(tiles))
        for runtime in ("torch", "openvino", "onnx")
    }
    assert sum(map(len, answers["torch"])) >= 5
    for runtime in ("openvino", "onnx"):
        for ours, other in zip(answers["torch"], answers[runtime], strict=True):
            assert_same_boxes(ours, other)
