from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass
from training.data.collect import collect_photos
from training.settings import TrainingSettings

RENDERED = {"rendered": "manhole", "first_seed": 700002, "scenes": 2, "photos_per_scene": 1}


def settings_with(*data: dict[str, object]) -> TrainingSettings:
    return TrainingSettings.model_validate(
        {
            "name": "manhole",
            "classes": ["manhole_ok", "manhole_broken", "manhole_missing"],
            "started_from": "yolo26n.yaml",
            "data": data,
            "optimisation": {"epochs": 1, "image_px": 64},
        }
    )


def test_rendered_scenes_are_drawn_for_training_only(tmp_path: Path) -> None:
    photos = collect_photos(settings_with(RENDERED), tmp_path, tmp_path / "made")
    assert len(photos) == 2
    assert {photo.split for photo in photos} == {"train"}
    again = collect_photos(settings_with(RENDERED), tmp_path, tmp_path / "again")
    assert [photo.path.read_bytes() for photo in photos] == [p.path.read_bytes() for p in again]


def test_two_ranges_of_scenes_do_not_mix(tmp_path: Path) -> None:
    other = RENDERED | {"first_seed": 700050, "scenes": 1, "as_negatives": True}
    photos = collect_photos(settings_with(RENDERED, other), tmp_path, tmp_path / "made")
    names = [photo.name for photo in photos]
    assert len(names) == len(set(names)) == 3
    assert photos[2].is_negative


def test_tiles_of_a_flight_join_as_negatives(tmp_path: Path) -> None:
    flight = tmp_path / "flights" / "park"
    flight.mkdir(parents=True)
    for index in range(3):
        pixels = np.full((240, 320, 3), 40 * index, dtype=np.uint8)
        cv2.imwrite(str(flight / f"{index}.png"), pixels)
    source: dict[str, object] = {
        "negatives": "park_tiles",
        "flight": "flights/park",
        "tile_px": 160,
        "every": 2,
    }
    photos = collect_photos(settings_with(source), tmp_path, tmp_path / "made")
    assert {photo.path.name.split("_")[0] for photo in photos} == {"0", "2"}
    assert all(photo.is_negative and photo.dataset == "park_tiles" for photo in photos)


def test_folder_with_a_class_that_is_not_learnt_is_refused(tmp_path: Path) -> None:
    for part in ("images", "labels"):
        (tmp_path / "extra" / part).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "extra" / "images" / "a.png"), np.zeros((20, 20, 3), dtype=np.uint8))
    (tmp_path / "extra" / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    source: dict[str, object] = {
        "name": "extra",
        "folder": str(tmp_path / "extra"),
        "class_map": {0: HazardClass.FACADE_CRACK.value},
    }
    with pytest.raises(ConfigurationError, match="facade_crack"):
        collect_photos(settings_with(source), tmp_path, tmp_path / "made")
