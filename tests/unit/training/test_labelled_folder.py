"""Folders of labels as people bring them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.errors import (
    ClassConflictError,
    CorruptImageError,
    LabelOutsideError,
    MalformedLabelError,
    MixedLabelsError,
    UnknownClassError,
)
from training.evaluation.class_keys import find_class
from training.evaluation.labelled_folder import LabelledFolder, read_labelled_folder

OK, BROKEN, MISSING, CRACK = (
    HazardClass.MANHOLE_OK,
    HazardClass.MANHOLE_BROKEN,
    HazardClass.MANHOLE_MISSING,
    HazardClass.FACADE_CRACK,
)
COVERS = (OK, BROKEN, MISSING)
BOX = "0.5 0.5 0.2 0.4"
POLYGON = "0.1 0.1 0.9 0.1 0.5 0.8"


def draw_photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((80, 100, 3), 90, dtype=np.uint8))
    return path


def write_label(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def classes_of(photo: AnnotatedPhoto) -> list[HazardClass]:
    return [item.hazard_class for item in photo.annotations]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    draw_photo(tmp_path / "set" / "images" / "a.jpg")
    draw_photo(tmp_path / "set" / "images" / "b.png")
    return tmp_path / "set" / "images"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    write_label(tmp_path / "set" / "labels" / "a.txt", f"2 {BOX}")
    return tmp_path / "set" / "labels"


def test_labels_in_a_sibling_folder_in_the_models_own_order(images: Path, labels: Path) -> None:
    folder = read_labelled_folder(images, labels, COVERS)
    first, second = folder.photos
    assert classes_of(first) == [MISSING]
    assert first.annotations[0].box.xyxy == pytest.approx((40, 24, 60, 56))
    assert second.is_negative
    assert folder.keys_from == "the model"
    assert {photo.group for photo in folder.photos} == {"a.jpg", "b.png"}


@pytest.mark.parametrize("labels_dir", [".", "images"])
def test_labels_beside_the_photos(tmp_path: Path, labels_dir: str) -> None:
    draw_photo(tmp_path / "images" / "a.jpg")
    write_label(tmp_path / "images" / "a.txt", f"0 {BOX}")
    folder = read_labelled_folder(tmp_path / labels_dir, tmp_path / labels_dir, COVERS)
    assert [classes_of(photo) for photo in folder.photos] == [[OK]]
    assert folder.unused_labels == 0


def test_nested_photos_find_nested_swapped_and_flat_labels(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for name in ("site1/images/a.jpg", "site2/b.jpg", "site3/deep/c.jpg", "images/d.jpg"):
        draw_photo(root / name)
    write_label(root / "site1" / "labels" / "a.txt", f"0 {BOX}")
    write_label(root / "site2" / "b.txt", f"1 {BOX}")
    write_label(root / "c.txt", f"2 {BOX}")
    write_label(root / "labels" / "d.txt", f"2 {BOX}", "0 0.2 0.2 0.1 0.1")
    found = {p.name: classes_of(p) for p in read_labelled_folder(root, root, COVERS).photos}
    assert found == {
        "site1/images/a.jpg": [OK],
        "site2/b.jpg": [BROKEN],
        "site3/deep/c.jpg": [MISSING],
        "images/d.jpg": [MISSING, OK],
    }


def test_photos_of_one_name_take_only_labels_of_their_own_folder(tmp_path: Path) -> None:
    for site in ("s1", "s2"):
        draw_photo(tmp_path / "images" / site / "a.jpg")
    write_label(tmp_path / "labels" / "s1" / "a.txt", f"0 {BOX}")
    write_label(tmp_path / "labels" / "a.txt", f"2 {BOX}")
    folder = read_labelled_folder(tmp_path / "images", tmp_path / "labels", COVERS)
    assert [classes_of(photo) for photo in folder.photos] == [[OK], []]
    assert folder.unused_labels == 1


@pytest.mark.parametrize("place", ["set/labels", "set/images", "set"])
@pytest.mark.parametrize("name", ["classes.txt", "data.yaml"])
def test_class_keys_lie_beside_the_folders(
    tmp_path: Path, images: Path, labels: Path, place: str, name: str
) -> None:
    keys = ["manhole_missing", "crack", "manhole_ok"]
    text = "\n".join(keys) if name == "classes.txt" else f"names: {keys}"
    (tmp_path / place / name).write_text(text, encoding="utf-8")
    folder = read_labelled_folder(images, labels, COVERS)
    assert classes_of(folder.photos[0]) == [OK]
    assert folder.keys_from.endswith(name)


@pytest.mark.parametrize("part", ["images/test", "test/images"])
@pytest.mark.parametrize("name", ["classes.txt", "data.yaml"])
def test_class_keys_and_sources_lie_above_the_folders_of_a_split(
    tmp_path: Path, part: str, name: str
) -> None:
    keys = ["manhole_missing", "crack", "manhole_ok"]
    text = "\n".join(keys) if name == "classes.txt" else f"names: {keys}"
    draw_photo(tmp_path / part / "a.jpg")
    labels = write_label(tmp_path / part.replace("images", "labels") / "a.txt", f"2 {BOX}").parent
    write_label(tmp_path / name, text)
    write_label(tmp_path / "sources.csv", "image,group", f"{part}/a.jpg,site 1")
    folder = read_labelled_folder(tmp_path / part, labels, COVERS)
    assert classes_of(folder.photos[0]) == [OK]
    assert folder.photos[0].group == "site 1"
    assert folder.keys_from == str(tmp_path / name)


def test_class_keys_far_above_a_plain_folder_are_not_taken(tmp_path: Path) -> None:
    draw_photo(tmp_path / "mine" / "photos" / "a.jpg")
    labels = write_label(tmp_path / "mine" / "notes" / "a.txt", f"2 {BOX}").parent
    write_label(tmp_path / "classes.txt", "pothole", "tree", "lamp")
    folder = read_labelled_folder(tmp_path / "mine" / "photos", labels, COVERS)
    assert folder.keys_from == "the model"


def test_labels_of_a_split_are_found_below_the_folder_of_all_labels(tmp_path: Path) -> None:
    draw_photo(tmp_path / "images" / "test" / "a.jpg")
    write_label(tmp_path / "labels" / "test" / "a.txt", f"2 {BOX}")
    write_label(tmp_path / "labels" / "train" / "a.txt", f"0 {BOX}")
    folder = read_labelled_folder(tmp_path / "images" / "test", tmp_path / "labels", COVERS)
    assert classes_of(folder.photos[0]) == [MISSING]
    assert folder.unused_labels == 1


def test_suffix_of_a_label_file_may_be_in_capitals(images: Path, labels: Path) -> None:
    (labels / "a.txt").rename(labels / "a.TXT")
    assert classes_of(read_labelled_folder(images, labels, COVERS).photos[0]) == [MISSING]


def test_stray_labels_with_a_byte_order_mark_are_counted(images: Path, labels: Path) -> None:
    (labels / "stray.txt").write_bytes(f"\ufeff2 {BOX}\r\n".encode())
    assert read_labelled_folder(images, labels, COVERS).unused_labels == 1


@pytest.mark.parametrize(
    "text",
    ["names: {0: manhole_ok, 1: crack, 2: manhole_broken}", "nc: 3\nnames: [a, b, manhole_broken]"],
)
def test_names_of_a_data_yaml_by_number_or_in_order(
    images: Path, labels: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "set" / "data.yaml").write_text(text, encoding="utf-8")
    assert classes_of(read_labelled_folder(images, labels, COVERS).photos[0]) == [BROKEN]


def test_keys_given_as_list_or_file_go_before_those_beside(
    images: Path, labels: Path, tmp_path: Path
) -> None:
    (labels / "classes.txt").write_text("x\ny\nz\n", encoding="utf-8")
    keys = write_label(tmp_path / "keys.txt", "a", "b", "manhole_broken")
    for given in ("manhole_ok, crack, manhole_broken", str(keys)):
        folder = read_labelled_folder(images, labels, COVERS, classes=given)
        assert classes_of(folder.photos[0]) == [BROKEN]


def test_label_file_of_class_keys_is_no_label(tmp_path: Path) -> None:
    draw_photo(tmp_path / "classes.jpg")
    write_label(tmp_path / "classes.txt", "manhole_ok")
    assert read_labelled_folder(tmp_path, tmp_path, COVERS).photos[0].is_negative


def test_classes_that_the_model_does_not_learn_are_counted_and_left_out(
    images: Path, labels: Path
) -> None:
    write_label(labels / "classes.txt", "manhole_ok", "manhole_broken", "manhole_missing", "crack")
    write_label(labels / "b.txt", f"3 {BOX}", "3 0.1 0.1 0.1 0.1")
    folder = read_labelled_folder(images, labels, COVERS)
    assert folder.ignored == {CRACK: 2}
    assert folder.photos[1].is_negative
    cracks = read_labelled_folder(images, labels, (CRACK,))
    assert cracks.ignored == {MISSING: 1}
    assert classes_of(cracks.photos[1]) == [CRACK, CRACK]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("crack", CRACK),
        ("Crack", CRACK),
        ("facade-crack", CRACK),
        ("Manhole OK", OK),
        ("manhole_missing ", MISSING),
        ("pothole", None),
    ],
)
def test_aliases_of_keys(name: str, key: HazardClass | None) -> None:
    assert find_class(name) is key


def test_unknown_class_is_named_with_its_line(images: Path, labels: Path) -> None:
    write_label(labels / "classes.txt", "manhole_ok", "pothole")
    write_label(labels / "a.txt", f"0 {BOX}", f"1 {BOX}")
    with pytest.raises(UnknownClassError, match=r"a\.txt:2 is of class 'pothole'"):
        read_labelled_folder(images, labels, COVERS)
    write_label(labels / "a.txt", f"2 {BOX}")
    with pytest.raises(UnknownClassError, match=r"class 2; .*classes\.txt names 2"):
        read_labelled_folder(images, labels, COVERS)


def test_unknown_class_that_no_label_uses_stops_nothing(images: Path, labels: Path) -> None:
    write_label(labels / "classes.txt", "pothole", "tree", "manhole_ok")
    assert classes_of(read_labelled_folder(images, labels, COVERS).photos[0]) == [OK]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["2 0.5 0.5 1.4 0.4"], LabelOutsideError),
        (["2 0.98 0.5 0.2 0.4"], LabelOutsideError),
        (["2 1.5 0.5 0.2 0.4"], LabelOutsideError),
        (["2 0.5 0.5 -0.01 0.4"], LabelOutsideError),
        (["2 0.1 0.1 1.03 0.1 0.5 0.8"], LabelOutsideError),
        (["2 0.1 0.1 nan 0.1 0.5 0.8"], LabelOutsideError),
        ([f"2 {BOX}", f"0 {POLYGON}"], MixedLabelsError),
        ([f"2 {BOX}", f"0 {BOX}"], ClassConflictError),
        (["2 0.5 0.5"], MalformedLabelError),
        (["two 0.5 0.5 0.1 0.1"], MalformedLabelError),
    ],
)
def test_bad_labels_are_named(
    images: Path, labels: Path, lines: list[str], error: type[InvalidInputError]
) -> None:
    write_label(labels / "a.txt", *lines)
    with pytest.raises(error, match=r"a\.txt"):
        read_labelled_folder(images, labels, COVERS)


def test_polygons_are_read_as_outlines(images: Path, labels: Path) -> None:
    write_label(labels / "a.txt", f"2 {POLYGON}")
    (item,) = read_labelled_folder(images, labels, COVERS).photos[0].annotations
    np.testing.assert_allclose(item.polygon, [(10, 8), (90, 8), (50, 64)])
    assert item.box.xyxy == pytest.approx((10, 8, 90, 64))


@pytest.mark.parametrize("content", [b"no pixels", b""])
def test_photo_that_is_none_is_named(images: Path, content: bytes) -> None:
    (images / "z.jpg").write_bytes(content)
    with pytest.raises(CorruptImageError, match=r"z\.jpg"):
        read_labelled_folder(images, None, COVERS)


def test_photos_turned_by_their_exif_data_are_counted(images: Path, labels: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (100, 80)).save(images / "a.jpg", exif=exif)
    folder = read_labelled_folder(images, labels, COVERS)
    assert folder.turned_photos == 1
    assert (folder.photos[0].width_px, folder.photos[0].height_px) == (100, 80)


def test_photo_that_breaks_off_is_named(images: Path) -> None:
    whole = (images / "a.jpg").read_bytes()
    (images / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptImageError, match=r"a\.jpg"):
        read_labelled_folder(images, None, COVERS)


def test_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No photo lies in"):
        read_labelled_folder(tmp_path, None, COVERS)


def test_labels_of_other_photos_are_refused(images: Path, tmp_path: Path) -> None:
    write_label(tmp_path / "other" / "x.txt", f"0 {BOX}")
    with pytest.raises(InvalidInputError, match="None of the 1 label files"):
        read_labelled_folder(images, tmp_path / "other", COVERS)


def test_empty_label_folder_makes_negatives(images: Path, tmp_path: Path) -> None:
    write_label(tmp_path / "empty" / "a.txt")
    folder = read_labelled_folder(images, tmp_path / "empty", COVERS)
    assert all(photo.is_negative for photo in folder.photos)


def test_labels_of_another_system_are_read(images: Path, labels: Path) -> None:
    (labels / "a.txt").write_bytes(f"\ufeff2 {BOX}\r\n0 0.2 0.2 0.1 0.1\r\n".encode())
    (labels / "classes.txt").write_bytes("\ufeffmanhole_ok\r\nx\r\nmanhole_broken\r\n".encode())
    assert classes_of(read_labelled_folder(images, labels, COVERS).photos[0]) == [BROKEN, OK]


def test_notes_and_lists_among_the_labels_are_no_labels(images: Path, labels: Path) -> None:
    write_label(labels / "val.txt", "images/a.jpg")
    write_label(labels / "stray.txt", f"0 {BOX}")
    assert read_labelled_folder(images, labels, COVERS).unused_labels == 1


def read_with_table(images: Path, labels: Path, text: str, *, given: bool) -> LabelledFolder:
    table = (images.parent.parent / "table.csv") if given else images.parent / "sources.csv"
    table.write_text(text, encoding="utf-8")
    return read_labelled_folder(images, labels, COVERS, sources=table if given else None)


@pytest.mark.parametrize("given", [True, False])
def test_table_of_sources_gives_origin_and_group(
    images: Path, labels: Path, *, given: bool
) -> None:
    text = "image,source_repo,view,surface,group\nimages/a.jpg,me,drone,asphalt,g1\n"
    folder = read_with_table(images, labels, text, given=given)
    first, second = folder.photos
    assert (first.origin.source, first.origin.view, first.origin.surface) == (
        "me",
        "drone",
        "asphalt",
    )
    assert first.group == "g1"
    assert (second.group, second.origin.view) == ("b.png", "")
    assert folder.groups_known


def test_table_of_another_form_stops_only_who_asked_for_it(images: Path, labels: Path) -> None:
    folder = read_with_table(images, labels, "name;place\na;b\n", given=False)
    assert not folder.groups_known
    with pytest.raises(InvalidInputError, match="no column image"):
        read_with_table(images, labels, "name;place\na;b\n", given=True)


def test_class_file_that_names_nothing_is_refused(images: Path, labels: Path) -> None:
    (labels / "data.yaml").write_text("nc: 3\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="does not name the classes"):
        read_labelled_folder(images, labels, COVERS)
    with pytest.raises(InvalidInputError, match="does not exist"):
        read_labelled_folder(images, labels, COVERS, classes="absent.txt")
    with pytest.raises(InvalidInputError, match="empty class name"):
        read_labelled_folder(images, labels, COVERS, classes="a,,b")
