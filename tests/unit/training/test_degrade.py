from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from training.composed_settings import Degradation
from training.fitting.degrade import (
    DegradePhotos,
    add_haze,
    add_noise,
    blur_by_motion,
    change_exposure,
    degrade,
    store_as_jpeg,
)
from training.fitting.launch import isolated_environment

OFF = {"haze": 0.0, "exposure_stops": 0.0, "motion_px": 0.0, "noise": 0.0, "jpeg_quality": 0}
STRONG = {"haze": 0.6, "exposure_stops": 2.0, "motion_px": 12.0, "noise": 20.0, "jpeg_quality": 30}


@pytest.fixture
def photo() -> NDArray[np.uint8]:
    """A mid-grey photo with a dark disc and a bright line."""
    pixels = np.random.default_rng(0).integers(90, 150, (96, 128, 3), dtype=np.uint8)
    cv2.circle(pixels, (64, 48), 20, (10, 10, 10), -1)
    cv2.line(pixels, (0, 80), (127, 80), (240, 240, 240), 2)
    return pixels


@pytest.mark.parametrize("way", sorted(OFF))
def test_each_way_changes_pixels_and_keeps_the_size(way: str, photo: NDArray[np.uint8]) -> None:
    before = photo.copy()
    settings = Degradation.model_validate(OFF | {way: STRONG[way]})
    worse = degrade(np.random.default_rng(4), photo, settings)
    assert worse.shape == photo.shape
    assert worse.dtype == np.uint8
    assert not np.array_equal(worse, photo)
    assert np.array_equal(photo, before)


def test_nothing_chosen_changes_nothing(photo: NDArray[np.uint8]) -> None:
    settings = Degradation.model_validate(OFF)
    assert np.array_equal(degrade(np.random.default_rng(4), photo, settings), photo)


def test_same_seed_gives_the_same_photo(photo: NDArray[np.uint8]) -> None:
    made = [degrade(np.random.default_rng(seed), photo, Degradation()) for seed in (1, 1, 2)]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_haze_takes_contrast_most_at_the_far_side(photo: NDArray[np.uint8]) -> None:
    hazy = add_haze(np.random.default_rng(1), photo, 0.6)
    assert hazy.std() < photo.std()
    assert hazy[:10].astype(int).mean() - photo[:10].mean() > 15
    assert hazy[:10].std() / photo[:10].std() < hazy[-10:].std() / photo[-10:].std()


def test_exposure_moves_all_tones_one_way(photo: NDArray[np.uint8]) -> None:
    assert (change_exposure(photo, 1.0) >= photo).all()
    assert (change_exposure(photo, -1.0) <= photo).all()
    assert np.array_equal(change_exposure(photo, 0.0), photo)


def test_motion_smears_across_its_way_only() -> None:
    pixels = np.zeros((41, 41, 3), dtype=np.uint8)
    pixels[:, 20] = 250
    along = blur_by_motion(pixels, 9.0, math.pi / 2)
    across = blur_by_motion(pixels, 9.0, 0.0)
    assert np.array_equal(along[20], pixels[20])
    assert 20 < across[20, 20, 0] < 60
    assert np.count_nonzero(across[20, :, 0]) in {9, 10, 11}
    # Light is spread, not lost.
    assert across[20, :, 0].sum() == pytest.approx(250, abs=8)


def test_noise_is_as_strong_as_asked() -> None:
    grey = np.full((200, 200, 3), 128, dtype=np.uint8)
    assert add_noise(np.random.default_rng(0), grey, 10.0).std() == pytest.approx(10.0, abs=0.5)


def test_lower_quality_loses_more(photo: NDArray[np.uint8]) -> None:
    def loss(quality: int) -> float:
        return float(abs(store_as_jpeg(photo, quality).astype(int) - photo).mean())

    assert loss(20) > loss(90) > 0


def test_step_of_the_trainer_leaves_boxes_alone(photo: NDArray[np.uint8]) -> None:
    step = DegradePhotos(Degradation(probability=1.0), p=1.0, transforms=None, flip_idx=[])
    boxes = np.array([[44, 28, 84, 68]], dtype=np.float32)
    random.seed(3)
    labels = step({"img": photo.copy(), "instances": boxes, "cls": np.array([[2]])})
    assert labels["instances"] is boxes
    assert labels["cls"].tolist() == [[2]]
    assert not np.array_equal(labels["img"], photo)


def test_step_follows_the_seed_of_its_process_and_its_probability(
    photo: NDArray[np.uint8],
) -> None:
    step = DegradePhotos(Degradation(probability=0.5))
    runs = []
    for _ in range(2):
        random.seed(7)
        runs.append([step({"img": photo})["img"] for _ in range(60)])
    assert all(np.array_equal(*pair) for pair in zip(*runs, strict=True))
    changed = sum(not np.array_equal(made, photo) for made in runs[0])
    assert 15 < changed < 45


def test_trainer_builds_its_chains_with_the_step(tmp_path: Path) -> None:
    # The library reads its environment on import, so it is asked in a process of its own.
    script = """
from types import SimpleNamespace
from ultralytics.cfg import get_cfg
from ultralytics.data import augment
from training.composed_settings import Degradation
from training.fitting.degrade import DegradePhotos
from training.fitting.train import degrade_online
degrade_online(Degradation())
chain = augment.v8_transforms(SimpleNamespace(data={}, cache="ram"), 64, get_cfg())
assert sum(isinstance(step, DegradePhotos) for step in chain.transforms) == 1
"""
    command = [sys.executable, "-c", script]
    environment = isolated_environment(tmp_path)
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=120)


@pytest.mark.parametrize("change", [{"haze": 2}, {"jpeg_quality": 95}, {"rain": 1}])
def test_strength_is_checked(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Degradation.model_validate(change)
