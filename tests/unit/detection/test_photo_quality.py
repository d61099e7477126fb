from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detection.ingest.quality import measure_quality
from detection.needs import load_needs

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def ground() -> Pixels:
    """A sharp drawn ground: polygons with edges of all directions, and a little noise."""
    rng = np.random.default_rng(3)
    image = np.full((1200, 1600, 3), 120, dtype=np.uint8)
    for _ in range(900):
        corners = rng.uniform((0, 0), (1600, 1200)) + rng.uniform(-45, 45, (4, 2))
        color = [int(part) for part in rng.integers(20, 236, 3)]
        cv2.fillPoly(image, [corners.astype(np.int32)], color, lineType=cv2.LINE_AA)
    noisy = image + rng.normal(0.0, 2.0, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def smear(pixels: Pixels, length_px: int, *, across: bool) -> Pixels:
    shape = (1, length_px) if across else (length_px, 1)
    return np.asarray(cv2.blur(pixels, shape[::-1]), dtype=np.uint8)


@pytest.mark.parametrize("blur_px", [1.0, 1.5, 2.0, 3.0])
def test_the_blur_is_measured_in_pixels(ground: Pixels, blur_px: float) -> None:
    found = measure_quality(np.asarray(cv2.GaussianBlur(ground, (0, 0), blur_px), dtype=np.uint8))
    assert found.blur_px is not None
    assert found.blur_px == pytest.approx(blur_px, rel=0.25)


def test_a_sharp_photo_is_sharp(ground: Pixels) -> None:
    found = measure_quality(ground)
    assert found.blur_px is not None
    assert found.blur_px < 0.8


@pytest.mark.parametrize("across", [True, False])
def test_a_smear_is_found_in_any_direction(ground: Pixels, *, across: bool) -> None:
    found = measure_quality(smear(ground, 11, across=across))
    assert found.blur_px is not None
    assert found.blur_px > load_needs().photo.max_blur_px


def test_the_measure_does_not_hang_on_contrast(ground: Pixels) -> None:
    pale = (ground * 0.4 + 90.0).astype(np.uint8)
    sharp, soft = measure_quality(ground).blur_px, measure_quality(pale).blur_px
    assert sharp is not None
    assert soft == pytest.approx(sharp, rel=0.2)


def test_without_edges_nothing_is_said_about_sharpness() -> None:
    fog = np.full((400, 600, 3), 180, dtype=np.uint8)
    assert measure_quality(fog).blur_px is None


@pytest.mark.parametrize(
    ("value", "brightness", "dark", "bright"),
    [(0, 0.0, 1.0, 0.0), (255, 1.0, 0.0, 1.0), (128, 0.5, 0.0, 0.0)],
)
def test_exposure_is_counted(value: int, brightness: float, dark: float, bright: float) -> None:
    found = measure_quality(np.full((300, 500, 3), value, dtype=np.uint8))
    assert found.brightness == pytest.approx(brightness, abs=0.01)
    assert (found.dark_share, found.bright_share) == (dark, bright)


def test_half_a_photo_in_the_sun(ground: Pixels) -> None:
    pixels = ground.copy()
    pixels[:, :800] = 255
    assert measure_quality(pixels).bright_share == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("shape", [(64, 64, 3), (70, 4000, 3)])
def test_small_and_narrow_photos_are_measured(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    assert measure_quality(pixels).blur_px is not None
