"""A GPU answers as the CPU does. `make test-gpu`; skipped with the reason where there is none."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.devices import count_gpus, find_device
from detection.detectors.manifest import ModelManifest, list_manifests
from detection.detectors.registry import Precision, load_detector
from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass
from detection.pipeline import detect_pixels
from detection.settings import load_settings
from detection.tiling import cut_tile, tile_photo
from tests.fakes import build_manifest
from tests.free_sided_model import write_free_sided_model

pytestmark = pytest.mark.gpu

SURE = 0.15
"""Boxes of less are at the mercy of the last digit."""

TOLERANCES = {"fp32": (0.1, 2e-3), "fp16": (2.0, 0.03)}
"""Largest difference of a side, pixels, and of a score, by precision: FP16 keeps eleven bits."""


def skip_without_gpu(runtime: str) -> None:
    if not count_gpus():
        pytest.skip("CUDA sees no GPU here")
    pytest.importorskip("onnxruntime" if runtime == "onnx" else "ultralytics")
    try:
        find_device(runtime, "cuda")
    except ConfigurationError as error:
        pytest.skip(str(error))


def read_photo(shared_dir: Path) -> NDArray[np.uint8]:
    path = shared_dir / "flights" / "minsk_oblique_fc220" / "DJI_0020.JPG"
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def cut_real_tiles(shared_dir: Path, manifest: ModelManifest) -> list[TileImage]:
    pixels = read_photo(shared_dir)
    height_px, width_px = pixels.shape[:2]
    plan = tile_photo(width_px, height_px, tile_px=manifest.tile_px)
    return [cut_tile(pixels, tile, manifest.tile_px) for tile in plan]


def assert_same(ours: TileDetections, other: TileDetections, tolerance: tuple[float, float]) -> int:
    """Every sure box of the one is in the other, with its outline."""
    px, score = tolerance
    sure = [index for index, row in enumerate(ours.rows) if row[4] >= SURE]
    for index in sure:
        row = ours.rows[index]
        nearest = int(np.abs(other.rows[:, :4] - row[:4]).max(axis=1).argmin())
        assert other.rows[nearest, :4] == pytest.approx(row[:4], abs=px)
        assert other.rows[nearest, 4] == pytest.approx(row[4], abs=score)
        assert other.rows[nearest, 5] == row[5]
        assert bool(other.polygons[nearest]) == bool(ours.polygons[index])
    return len(sure)


@pytest.mark.shared
@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("manifest", list_manifests(), ids=lambda one: one.name)
def test_onnx_on_a_gpu_finds_what_the_cpu_finds(
    shared_dir: Path, manifest: ModelManifest, precision: Precision
) -> None:
    skip_without_gpu("onnx")
    tiles = cut_real_tiles(shared_dir, manifest)
    cpu = load_detector(manifest, runtime="onnx", precision="fp32", device="cpu")
    gpu = load_detector(manifest, runtime="onnx", precision=precision, device="cuda")
    expected, found = list(cpu.detect_tiles(tiles)), list(gpu.detect_tiles(tiles))
    for one, other in zip(expected, found, strict=True):
        assert_same(one, other, TOLERANCES[gpu.manifest.precision])
        assert_same(other, one, TOLERANCES[gpu.manifest.precision])


def test_onnx_on_a_gpu_takes_batches_of_several_sides(tmp_path: Path) -> None:
    skip_without_gpu("onnx")
    manifest = write_free_sided_model(tmp_path)
    rng = np.random.default_rng(5)
    sides = rng.choice([32, 64, 128], 200)
    tiles = [rng.integers(30, 256, (side, side, 3), dtype=np.uint8) for side in sides]
    gpu = load_detector(manifest, runtime="onnx", precision="fp32", device="cuda", batch=16)
    for tile, found in zip(tiles, gpu.detect_tiles(tiles), strict=True):
        assert found.rows[:, 4] == pytest.approx(tile.mean(axis=(0, 1)) / 255, abs=1e-3)


@pytest.mark.shared
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_torch_on_a_gpu_answers_as_torch_on_the_cpu(shared_dir: Path, precision: str) -> None:
    skip_without_gpu("torch")
    torch_yolo = importlib.import_module("detection.detectors.torch_yolo")
    checkpoint = shared_dir / "weights" / "yolo26n.pt"
    classes = (HazardClass.MANHOLE_OK,) * 80
    manifest = build_manifest(classes=classes, score_floor=0.05, weights_path=checkpoint)
    tiles = cut_real_tiles(shared_dir, manifest)
    cpu = torch_yolo.TorchYoloDetector(manifest)
    gpu = torch_yolo.TorchYoloDetector(
        replace(manifest, precision=precision), device=find_device("torch", "cuda")
    )
    tolerance = TOLERANCES[precision]
    for one, other in zip(cpu.detect_tiles(tiles), gpu.detect_tiles(tiles), strict=True):
        assert_same(one, other, tolerance)


@pytest.mark.shared
def test_onnx_looks_at_a_photo_on_a_gpu_from_end_to_end(shared_dir: Path) -> None:
    skip_without_gpu("onnx")
    pixels, settings = read_photo(shared_dir), load_settings()

    def find(device: str) -> list[tuple[float, ...]]:
        detectors = [
            load_detector(one, runtime="onnx", precision="fp32", device=device)
            for one in list_manifests()
        ]
        found = detect_pixels("a.jpg", pixels, detectors, settings)
        return sorted(tuple(one.bbox_xyxy.xyxy) for one in found.detections)

    ours, theirs = find("cpu"), find("cuda")
    assert len(ours) == len(theirs)
    for box, other in zip(ours, theirs, strict=True):
        assert other == pytest.approx(box, abs=0.5)
