from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from tests.labelled_sets import (
    BOX,
    BOX_XYXY,
    HEIGHT_PX,
    POLYGON,
    WIDTH_PX,
    save_photo,
    write_json,
    write_yolo_set,
)
from training.data.build import detect_format, import_set
from training.data.errors import (
    ClassConflictError,
    CorruptImageError,
    LabelOutsideError,
    MalformedLabelError,
    MissingSplitError,
    MixedLabelsError,
    TurnedPhotoError,
    UnknownClassError,
    ZeroAreaError,
)
from training.data.importers.imported import ClassNames, ImportedPhoto
from training.data.importers.rings import join_rings
from training.data.importers.yolo import import_yolo

OK, MISSING = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING
OWN_NAMES = ClassNames({})


def import_any(
    source: Path, images: Path | None = None, names: ClassNames = OWN_NAMES
) -> dict[str, ImportedPhoto]:
    return {photo.name: photo for photo in import_set(source, None, images, names, ())}


def coco_document(**annotation: object) -> dict[str, object]:
    row = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [45, 30, 30, 20], **annotation}
    return {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "manhole_ok"}],
        "annotations": [row],
    }


def write_coco(tmp_path: Path, **annotation: object) -> Path:
    save_photo(tmp_path / "a.png", 1)
    save_photo(tmp_path / "b.png", 2)
    return write_json(tmp_path / "labels.json", coco_document(**annotation))


def voc_object(name: str = "manhole_ok", corners: tuple[float, ...] = BOX_XYXY) -> str:
    tags = ("xmin", "ymin", "xmax", "ymax")
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, corners, strict=True))
    return f"<object><name>{name}</name><bndbox>{inside}</bndbox></object>"


def write_voc(tmp_path: Path, objects: str) -> Path:
    save_photo(tmp_path / "JPEGImages" / "a.png", 1)
    (tmp_path / "Annotations").mkdir()
    path = tmp_path / "Annotations" / "a.xml"
    path.write_text(f"<annotation><filename>a.png</filename>{objects}</annotation>")
    return tmp_path


def studio_region(kind: str = "rectanglelabels", **value: object) -> dict[str, object]:
    place = {"x": 37.5, "y": 37.5, "width": 25.0, "height": 25.0, kind: ["manhole_ok"]}
    return {"type": kind, "value": {**place, **value}}


def write_studio(tmp_path: Path, *annotations: dict[str, object]) -> Path:
    save_photo(tmp_path / "a.png", 1)
    task = {"id": 5, "data": {"image": "/data/upload/1/0a1b2c3d-a.png"}, "annotations": annotations}
    return write_json(tmp_path / "export.json", [task])


def test_yolo_boxes_polygons_and_negatives(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX, "b": POLYGON, "c": "", "d": None})
    found = import_any(tmp_path)
    assert found["images/a.png"].annotations[0].box == BBox(*BOX_XYXY)
    assert found["images/b.png"].annotations[0].polygon == ((30, 20), (90, 20), (90, 60))
    assert (found["images/c.png"].labelled, found["images/d.png"].labelled) == (True, False)


def test_yolo_classes_of_data_yaml_and_split_of_its_folders(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"train/a": BOX, "valid/b": BOX})
    (tmp_path / "classes.txt").unlink()
    (tmp_path / "data.yaml").write_text(
        "names: {0: open}\ntrain: ../images/train\nval: images/valid\n", encoding="utf-8"
    )
    found = import_any(tmp_path, names=ClassNames({"open": MISSING}))
    assert {photo.split for photo in found.values()} == {"train", "val"}
    assert found["images/valid/b.png"].annotations[0].hazard_class is MISSING


def test_yolo_lists_give_the_split(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX, "b": BOX})
    (tmp_path / "train.txt").write_text("a.png\n", encoding="utf-8")
    (tmp_path / "val.txt").write_text("./images/b.png\n", encoding="utf-8")
    found = import_any(tmp_path)
    assert [found[f"images/{stem}.png"].split for stem in "ab"] == ["train", "val"]


@pytest.mark.parametrize(
    ("listed", "said"), [("a.png\ngone.png\n", "gone"), ("a.png\n", "in no list")]
)
def test_yolo_list_that_does_not_fit_is_a_missing_split(
    tmp_path: Path, listed: str, said: str
) -> None:
    write_yolo_set(tmp_path, {"a": BOX, "b": BOX})
    (tmp_path / "train.txt").write_text(listed, encoding="utf-8")
    with pytest.raises(MissingSplitError, match=said):
        import_any(tmp_path)


def test_data_yaml_with_a_side_that_is_not_there_is_a_missing_split(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"train/a": BOX})
    text = "names: [manhole_ok]\ntrain: images/train\nval: images/val\n"
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MissingSplitError, match="images/val"):
        import_any(tmp_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (BOX + POLYGON, MixedLabelsError),
        (BOX + "1" + BOX[1:], ClassConflictError),
        ("5 0.5 0.5 0.1 0.1\n", UnknownClassError),
        ("0 1.5 0.5 0.1 0.1\n", LabelOutsideError),
        ("0 0.9 0.5 0.4 0.1\n", LabelOutsideError),
        ("0 0.5 0.5 0.0 0.1\n", ZeroAreaError),
        ("0 nan 0.5 0.1 0.1\n", LabelOutsideError),
        ("0 0.5 0.5\n", MalformedLabelError),
        ("manhole_ok 0.5 0.5 0.1 0.1\n", MalformedLabelError),
    ],
)
def test_yolo_label_that_cannot_be_right_has_a_name(
    tmp_path: Path, text: str, error: type[InvalidInputError]
) -> None:
    write_yolo_set(tmp_path, {"good": BOX, "bad": text})
    with pytest.raises(error, match=r"bad\.txt"):
        import_any(tmp_path)


def test_binary_label_file_is_malformed(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX})
    (tmp_path / "labels" / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MalformedLabelError, match=r"a\.txt"):
        import_any(tmp_path)


def test_photo_that_breaks_off_is_corrupt(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX})
    path = tmp_path / "images" / "a.png"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CorruptImageError, match=r"a\.png"):
        import_any(tmp_path)


def test_photo_that_is_shown_turned_is_refused(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX})
    path = tmp_path / "images" / "a.png"
    with Image.open(path) as image:
        exif = image.getexif()
        exif[274] = 6
        image.save(tmp_path / "images" / "a.jpg", exif=exif)
    path.unlink()
    with pytest.raises(TurnedPhotoError, match="orientation 6"):
        import_any(tmp_path)


def test_class_that_nobody_names_is_refused_with_the_way_to_map_it(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX}, classes=["Manhole-Open"])
    with pytest.raises(UnknownClassError, match="--map Manhole-Open=KEY"):
        import_any(tmp_path)


def test_yolo_without_class_names_is_refused(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX})
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(UnknownClassError, match="classes"):
        import_any(tmp_path)
    assert import_yolo(tmp_path, OWN_NAMES, ["manhole_ok"])[0].annotations


def test_coco_boxes_and_negatives(tmp_path: Path) -> None:
    found = import_any(write_coco(tmp_path))
    assert found["a.png"].annotations[0].box == BBox(*BOX_XYXY)
    assert found["b.png"].labelled
    assert found["b.png"].annotations == ()


def test_coco_pieces_of_one_outline_become_one_ring(tmp_path: Path) -> None:
    pieces = [[10, 10, 20, 10, 20, 20], [60, 10, 70, 10, 70, 20]]
    (item,) = import_any(write_coco(tmp_path, segmentation=pieces))["a.png"].annotations
    assert item.box == BBox(10, 10, 70, 20)
    assert len(item.polygon) == 8


def test_joined_rings_keep_their_area() -> None:
    first, second = [(0.0, 0.0), (4.0, 0.0), (4.0, 3.0)], [(9.0, 0.0), (12.0, 0.0), (9.0, 4.0)]
    ring = join_rings([first, second])
    shifted = [*ring[1:], ring[0]]
    doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, shifted, strict=True))
    assert doubled / 2 == pytest.approx(6.0 + 6.0)


@pytest.mark.parametrize(
    ("annotation", "error"),
    [
        ({"iscrowd": 1}, MalformedLabelError),
        ({"segmentation": {"counts": [1], "size": [2, 2]}}, MalformedLabelError),
        ({"score": 0.9}, MalformedLabelError),
        ({"segmentation": [[1, 1, 5, 5]]}, MalformedLabelError),
        ({"bbox": [100, 30, 60, 20]}, LabelOutsideError),
        ({"category_id": 9}, MalformedLabelError),
        ({"image_id": 99}, MalformedLabelError),
        ({"bbox": [45, 30, 0, 20]}, ZeroAreaError),
    ],
)
def test_coco_annotation_that_cannot_be_used_has_a_name(
    tmp_path: Path, annotation: dict[str, object], error: type[InvalidInputError]
) -> None:
    with pytest.raises(error, match=r"labels\.json"):
        import_any(write_coco(tmp_path, **annotation))


def test_coco_file_of_each_side_gives_the_split(tmp_path: Path) -> None:
    write_coco(tmp_path / "images").unlink()
    for side, image_id in (("train", 7), ("val", 8)):
        document = coco_document(image_id=image_id)
        document["images"] = [{"id": image_id, "file_name": "ab"[image_id - 7] + ".png"}]
        write_json(tmp_path / "annotations" / f"instances_{side}2017.json", document)
    found = import_any(tmp_path, images=tmp_path / "images")
    assert {name: photo.split for name, photo in found.items()} == {
        "a.png": "train",
        "b.png": "val",
    }


def test_voc_boxes_split_and_photo_without_xml(tmp_path: Path) -> None:
    write_voc(tmp_path, voc_object())
    save_photo(tmp_path / "JPEGImages" / "b.png", 2)
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n", encoding="utf-8")
    (lists / "val.txt").write_text("b\n", encoding="utf-8")
    found = import_any(tmp_path)
    assert found["JPEGImages/a.png"].annotations[0].box == BBox(*BOX_XYXY)
    assert found["JPEGImages/a.png"].split == "train"
    assert not found["JPEGImages/b.png"].labelled


@pytest.mark.parametrize(
    ("objects", "error"),
    [
        (voc_object("lid"), UnknownClassError),
        (voc_object(corners=(10, 10, 400, 20)), LabelOutsideError),
        ("<object><name>manhole_ok</name></object>", MalformedLabelError),
        (voc_object() + voc_object("manhole_broken"), ClassConflictError),
        ("<object>", MalformedLabelError),
    ],
)
def test_voc_object_that_cannot_be_used_has_a_name(
    tmp_path: Path, objects: str, error: type[InvalidInputError]
) -> None:
    with pytest.raises(error, match=r"a\.xml"):
        import_any(write_voc(tmp_path, objects))


def test_voc_xml_with_entities_is_refused(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, "")
    bomb = '<!DOCTYPE x [<!ENTITY a "b">]><annotation>&a;</annotation>'
    (folder / "Annotations" / "a.xml").write_text(bomb, encoding="utf-8")
    with pytest.raises(MalformedLabelError, match="EntitiesForbidden"):
        import_any(folder)


def test_voc_label_without_its_photo_is_refused(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, voc_object())
    (folder / "Annotations" / "gone.xml").write_text("<annotation/>", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="gone"):
        import_any(folder)


def test_studio_rectangle_polygon_and_unfinished_task(tmp_path: Path) -> None:
    points = {"points": [[25, 25], [75, 25], [75, 75]]}
    box = import_any(write_studio(tmp_path / "r", {"result": [studio_region()]}))
    ring = import_any(
        write_studio(tmp_path / "p", {"result": [studio_region("polygonlabels", **points)]})
    )
    none = import_any(write_studio(tmp_path / "n", {"was_cancelled": True, "result": []}))
    assert box["a.png"].annotations[0].box == BBox(*BOX_XYXY)
    assert ring["a.png"].annotations[0].polygon == ((30, 20), (90, 20), (90, 60))
    assert not none["a.png"].labelled


def test_studio_rectangle_that_is_turned_is_bounded(tmp_path: Path) -> None:
    turned = studio_region(rotation=90.0)
    (item,) = import_any(write_studio(tmp_path, {"result": [turned]}))["a.png"].annotations
    assert item.box.xyxy == pytest.approx((25, 30, 45, 60))
    assert (WIDTH_PX, HEIGHT_PX) == (120, 80)


@pytest.mark.parametrize(
    ("annotations", "error"),
    [
        ([{"result": [studio_region("brushlabels")]}], MalformedLabelError),
        ([{"result": [studio_region(rectanglelabels=["a", "b"])]}], ClassConflictError),
        ([{"result": []}, {"result": []}], ClassConflictError),
        ([{"result": [studio_region(x=90.0)]}], LabelOutsideError),
    ],
)
def test_studio_task_that_cannot_be_used_has_a_name(
    tmp_path: Path, annotations: list[dict[str, object]], error: type[InvalidInputError]
) -> None:
    with pytest.raises(error, match="task 5"):
        import_any(write_studio(tmp_path, *annotations))


def test_studio_ground_truth_stands_above_others(tmp_path: Path) -> None:
    truth = {"result": [studio_region()], "ground_truth": True}
    (photo,) = import_any(write_studio(tmp_path, {"result": []}, truth)).values()
    assert len(photo.annotations) == 1


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: write_yolo_set(folder, {"a": BOX}), "yolo"),
        (write_coco, "coco"),
        (lambda folder: write_voc(folder, ""), "voc"),
        (lambda folder: write_studio(folder, {"result": []}), "label-studio"),
    ],
)
def test_format_is_told_by_what_lies_there(
    tmp_path: Path, make: Callable[[Path], Path], expected: str
) -> None:
    assert detect_format(make(tmp_path)) == expected


def test_folder_of_nothing_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no labelled set"):
        detect_format(tmp_path)
