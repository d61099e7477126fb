from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation, hash_photos


@pytest.fixture
def photos(tmp_path: Path) -> list[AnnotatedPhoto]:
    made = []
    for name in ("a.jpg", "b.jpg"):
        path = tmp_path / name
        path.write_bytes(name.encode() * 20)
        boxes = (
            Annotation(HazardClass.MANHOLE_OK, BBox(1, 2, 30, 40)),
            Annotation(HazardClass.MANHOLE_MISSING, BBox(50, 2, 70, 40)),
        )
        made.append(AnnotatedPhoto(name, path, 100, 100, "train", name, "drawn", boxes))
    return made


def test_hash_ignores_order_and_place(photos: list[AnnotatedPhoto], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.jpg"
    shutil.copy(photos[0].path, elsewhere)
    first = replace(photos[0], path=elsewhere, annotations=photos[0].annotations[::-1])
    assert hash_photos([photos[1], first]) == hash_photos(photos)


def test_hash_feels_a_moved_box(photos: list[AnnotatedPhoto]) -> None:
    moved = Annotation(HazardClass.MANHOLE_OK, BBox(1, 2, 30, 40.1))
    changed = replace(photos[0], annotations=(moved, photos[0].annotations[1]))
    assert hash_photos([changed, photos[1]]) != hash_photos(photos)


def test_hash_feels_another_class(photos: list[AnnotatedPhoto]) -> None:
    other = Annotation(HazardClass.MANHOLE_BROKEN, BBox(1, 2, 30, 40))
    changed = replace(photos[0], annotations=(other, photos[0].annotations[1]))
    assert hash_photos([changed, photos[1]]) != hash_photos(photos)


def test_hash_feels_a_photo_that_changed_sides(photos: list[AnnotatedPhoto]) -> None:
    assert hash_photos([replace(photos[0], split="val"), photos[1]]) != hash_photos(photos)


def test_hash_feels_changed_pixels(photos: list[AnnotatedPhoto]) -> None:
    before = hash_photos(photos)
    photos[0].path.write_bytes(b"other pixels")
    assert hash_photos(photos) != before
