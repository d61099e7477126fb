from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.labelled_sets import draw_pixels, save_photo
from training.data import near_duplicates, overlaps
from training.data.annotation import AnnotatedPhoto
from training.data.errors import CorruptImageError
from training.data.grouping import join_groups
from training.data.near_duplicates import find_near_duplicates
from training.data.overlaps import find_overlaps


def photo(path: Path, split: str = "train") -> AnnotatedPhoto:
    with Image.open(path) as image:
        width_px, height_px = image.size
    return AnnotatedPhoto(path.name, path, width_px, height_px, split, path.stem, "drawn")


@pytest.mark.parametrize("turn", [None, *Image.Transpose])
def test_turned_scaled_and_recompressed_copy_is_found(
    tmp_path: Path, turn: Image.Transpose | None
) -> None:
    original = Image.fromarray(draw_pixels(1))
    copy = original if turn is None else original.transpose(turn)
    copy = copy.resize((round(copy.width * 1.7), round(copy.height * 1.7)))
    original.save(tmp_path / "a.png")
    copy.save(tmp_path / "b.jpg", quality=60)
    (pair,) = find_near_duplicates([photo(tmp_path / "a.png"), photo(tmp_path / "b.jpg")])
    assert (pair.first.name, pair.second.name) == ("a.png", "b.jpg")
    assert pair.correlation > 0.95


def test_other_pictures_are_no_copies(tmp_path: Path) -> None:
    photos = [photo(save_photo(tmp_path / f"{seed}.png", seed)) for seed in range(12)]
    assert find_near_duplicates(photos) == []


def test_two_pictures_of_one_colour_are_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (50, 40), (90, 90, 90)).save(tmp_path / f"{name}.png")
    assert len(find_near_duplicates([photo(tmp_path / "a.png"), photo(tmp_path / "b.png")])) == 1


def test_many_blank_pictures_are_chained_not_paired_each_with_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "MOST_PARTNERS", 2)
    for number in range(6):
        Image.new("RGB", (50, 40), (90, 90, 90)).save(tmp_path / f"{number}.png")
    photos = [photo(path) for path in sorted(tmp_path.glob("*.png"))]
    pairs = find_near_duplicates(photos)
    assert len(pairs) == 2 + 2 + 2 + 2 + 1
    assert len({item.group for item in join_groups(photos, pairs)}) == 1


def test_photo_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    good = photo(save_photo(tmp_path / "a.png", 1))
    good.path.write_bytes(b"no picture")
    with pytest.raises(CorruptImageError, match=r"a\.png"):
        find_near_duplicates([good])


@pytest.mark.parametrize("block", [40, overlaps._BLOCK])
def test_shifted_and_turned_view_of_one_scene_is_found_across_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(overlaps, "_BLOCK", block)
    noise = np.random.default_rng(3).integers(0, 256, (90, 90), dtype=np.uint8)
    scene = cv2.resize(noise, (360, 360), interpolation=cv2.INTER_CUBIC)
    other = cv2.resize(noise[::-1, ::-1].T[::2, ::2], (250, 250), interpolation=cv2.INTER_CUBIC)
    turned = cv2.rotate(np.ascontiguousarray(scene[90:330, 60:300]), cv2.ROTATE_90_CLOCKWISE)
    for name, pixels in (("train", scene[:260, :260]), ("val", turned), ("other", other)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    photos = [
        photo(tmp_path / "train.png"),
        photo(tmp_path / "other.png"),
        photo(tmp_path / "val.png", "val"),
    ]
    assert find_near_duplicates(photos) == []
    (overlap,) = find_overlaps(photos)
    assert (overlap.first.name, overlap.second.name) == ("val.png", "train.png")
    assert find_overlaps(photos[:2]) == []
