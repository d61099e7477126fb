from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.errors import (
    ClassConflictError,
    CorruptImageError,
    LabelOutsideError,
    MixedLabelsError,
    UnknownClassError,
)
from training.data.sources import load_yolo_folder, load_yolo_labels_dir
from training.data.yolo_export import (
    cxcywhn_from_xyxy,
    read_yolo_labels,
    write_yolo_dataset,
    xyxy_from_cxcywhn,
)

CLASSES = {0: HazardClass.MANHOLE_OK, 1: HazardClass.MANHOLE_BROKEN}


def draw_photo(path: Path, annotations: tuple[Annotation, ...], split: str) -> AnnotatedPhoto:
    pixels = np.full((80, 120, 3), 90, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return AnnotatedPhoto(path.name, path, 120, 80, split, path.stem, "drawn", annotations)


@given(
    low=st.tuples(st.floats(0, 300), st.floats(0, 200)),
    size=st.tuples(st.floats(1, 100), st.floats(1, 100)),
)
def test_box_survives_the_way_to_yolo_and_back(
    low: tuple[float, float], size: tuple[float, float]
) -> None:
    box = BBox(low[0], low[1], low[0] + size[0], low[1] + size[1])
    back = xyxy_from_cxcywhn(cxcywhn_from_xyxy(box, 400, 300), 400, 300)
    assert back.xyxy == pytest.approx(box.xyxy, abs=1e-6)


def test_label_file_becomes_boxes_in_photo_pixels(tmp_path: Path) -> None:
    label = tmp_path / "a.txt"
    label.write_text("1 0.5 0.5 0.5 0.25\n\n0 0.1 0.1 0.2 0.2\n", encoding="utf-8")
    first, second = read_yolo_labels(label, CLASSES, 200, 100)
    assert first == Annotation(HazardClass.MANHOLE_BROKEN, BBox(50, 37.5, 150, 62.5))
    assert second.box.xyxy == pytest.approx((0, 0, 40, 20))


def test_missing_label_file_is_a_negative(tmp_path: Path) -> None:
    assert read_yolo_labels(tmp_path / "none.txt", CLASSES, 10, 10) == ()


@pytest.mark.parametrize(
    "line", ["7 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "x 0 0 1 1", "0 0.5 0.5 1.5 0.1", "0 1 2 3 4 5"]
)
def test_malformed_label_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    label = tmp_path / "bad.txt"
    label.write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"bad\.txt:2"):
        read_yolo_labels(label, CLASSES, 10, 10)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("0 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.2 0.1 0.2 0.2\n", MixedLabelsError),
        ("0 0.5 0.5 0.4 0.4\n1 0.5 0.5 0.4 0.41\n", ClassConflictError),
        ("0 0.95 0.5 0.2 0.2\n", LabelOutsideError),
        ("7 0.5 0.5 0.2 0.2\n", UnknownClassError),
    ],
)
def test_labels_that_contradict_themselves_are_refused_by_name(
    tmp_path: Path, text: str, error: type[InvalidInputError]
) -> None:
    label = tmp_path / "bad.txt"
    label.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=r"bad\.txt"):
        read_yolo_labels(label, CLASSES, 100, 100)


def test_box_a_hair_over_the_edge_is_clipped(tmp_path: Path) -> None:
    label = tmp_path / "a.txt"
    label.write_text("0 0.905 0.5 0.2 0.2\n", encoding="utf-8")
    assert read_yolo_labels(label, CLASSES, 100, 100)[0].box.x_max == 100


def test_outline_a_hair_over_the_edge_is_clipped(tmp_path: Path) -> None:
    label = tmp_path / "a.txt"
    label.write_text("0 0.5 -0.0001 1.0004 0.5 0.5 0.5\n", encoding="utf-8")
    (item,) = read_yolo_labels(label, CLASSES, 200, 100)
    assert item.polygon == ((100, 0), (200, 50), (100, 50))
    assert item.box.xyxy == (100, 0, 200, 50)


def test_two_things_in_one_place_are_no_conflict(tmp_path: Path) -> None:
    label = tmp_path / "a.txt"
    label.write_text("0 0.5 0.5 0.4 0.4\n1 0.55 0.5 0.4 0.4\n", encoding="utf-8")
    assert len(read_yolo_labels(label, CLASSES, 100, 100)) == 2


def test_damaged_photo_is_refused_before_training(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "in" / "a.png", (), "train")
    photo.path.write_bytes(photo.path.read_bytes()[:-30])
    with pytest.raises(CorruptImageError, match=r"a\.png"):
        write_yolo_dataset(tmp_path / "out", [photo], tuple(CLASSES.values()), {})


def test_written_dataset_repeats_rare_classes_in_training_only(tmp_path: Path) -> None:
    rare = (Annotation(HazardClass.MANHOLE_BROKEN, BBox(12, 8, 60, 40)),)
    photos = [
        draw_photo(tmp_path / "in" / "rare.png", rare, "train"),
        draw_photo(tmp_path / "in" / "plain.png", (), "train"),
        draw_photo(tmp_path / "in" / "held_out.png", rare, "val"),
    ]
    written = write_yolo_dataset(
        tmp_path / "out", photos, tuple(CLASSES.values()), {HazardClass.MANHOLE_BROKEN: 3}
    )
    assert (written.train_images, written.val_images) == (4, 1)
    document = yaml.safe_load(written.data_yaml.read_text(encoding="utf-8"))
    assert document["names"] == {0: "manhole_ok", 1: "manhole_broken"}
    listed = [Path(line) for line in (tmp_path / "out" / "train.txt").read_text().split()]
    assert all(path.is_file() and not path.is_symlink() for path in listed)
    label = tmp_path / "out" / "labels" / "train" / "drawn--rare.txt"
    assert label.read_text() == "1 0.300000 0.300000 0.400000 0.400000\n"


def test_written_dataset_reads_back_as_it_was(tmp_path: Path) -> None:
    boxes = (Annotation(HazardClass.MANHOLE_OK, BBox(3, 5, 33, 45)),)
    photo = draw_photo(tmp_path / "in" / "one.png", boxes, "train")
    write_yolo_dataset(tmp_path / "out", [photo], tuple(CLASSES.values()), {})
    for part in ("images", "labels"):
        (tmp_path / "out" / part / "train").rename(tmp_path / part)
    (found,) = load_yolo_folder(tmp_path, CLASSES, dataset="again", split="train")
    assert found.annotations[0].hazard_class is HazardClass.MANHOLE_OK
    assert found.annotations[0].box.xyxy == pytest.approx((3, 5, 33, 45), abs=1e-3)


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No image lies in"):
        load_yolo_folder(tmp_path, CLASSES, dataset="empty", split="train")


def test_labels_are_found_by_the_stem_of_the_photo(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "photo.png", (), "val")
    (tmp_path / "photo.txt").write_text("0 0.5 0.5 0.5 0.5\n", encoding="utf-8")
    (labelled,) = load_yolo_labels_dir([photo], tmp_path, CLASSES)
    assert labelled.annotations[0].box == BBox(30, 20, 90, 60)
