"""Files of labels that lead elsewhere, contradict themselves or hold what is no number."""

from __future__ import annotations

from pathlib import Path

import pytest

from detection.domain.errors import InvalidInputError
from tests.labelled_sets import BOX, save_photo, write_json, write_yolo_set
from training.data.build import import_set
from training.data.errors import MalformedLabelError, MissingSplitError
from training.data.importers.imported import ClassNames, ImportedPhoto
from training.data.sources import read_facts, read_origin


def import_any(source: Path) -> list[ImportedPhoto]:
    return import_set(source, None, None, ClassNames({}), ())


def write_coco(folder: Path, names: list[str], **annotation: object) -> Path:
    row = {"id": 1, "image_id": 0, "category_id": 3, "bbox": [45, 30, 30, 20], **annotation}
    document = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "categories": [{"id": 3, "name": "manhole_ok"}],
        "annotations": [row],
    }
    return write_json(folder / "labels.json", document)


def write_studio(folder: Path, address: dict[str, str], **place: float) -> Path:
    value = {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["manhole_ok"]}
    region = {"type": "rectanglelabels", "value": value | place}
    task = {"id": 5, "data": address, "annotations": [{"result": [region]}]}
    return write_json(folder / "export.json", [task])


def test_coco_photo_outside_the_set_is_not_fetched(tmp_path: Path) -> None:
    outside = save_photo(tmp_path / "private.png", 1)
    for name in (str(outside), "../private.png", "x/../../private.png"):
        with pytest.raises(MalformedLabelError, match="outside the folder"):
            import_any(write_coco(tmp_path / "set", [name]))


def test_studio_photo_outside_the_set_is_not_fetched(tmp_path: Path) -> None:
    save_photo(tmp_path / "private.png", 1)
    address = {"image": "/data/local-files/?d=../private.png"}
    with pytest.raises(MalformedLabelError, match="outside the folder"):
        import_any(write_studio(tmp_path / "set", address))


def test_coco_id_of_two_images_is_refused(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png", 1)
    path = write_coco(tmp_path, ["a.png"])
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            '"images": [', '"images": [{"id": 0, "file_name": "b.png"}, '
        ),
        encoding="utf-8",
    )
    with pytest.raises(MalformedLabelError, match="one id to two images"):
        import_any(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", [1, 3])
def test_corner_that_is_no_number_is_refused(tmp_path: Path, number: float, place: int) -> None:
    save_photo(tmp_path / "a.png", 1)
    box = [45.0, 30.0, 30.0, 20.0]
    box[place] = number
    ring = [10.0, 10.0, 20.0, 10.0, 20.0, 20.0]
    ring[place] = number
    for annotation in ({"bbox": box}, {"segmentation": [ring]}):
        with pytest.raises(MalformedLabelError, match="no finite number"):
            import_any(write_coco(tmp_path, ["a.png"], **annotation))


def test_studio_task_without_a_photo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedLabelError, match="task 5 names no photo"):
        import_any(write_studio(tmp_path, {"text": "a.png"}))


def test_studio_export_is_found_in_its_folder(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png", 1)
    write_studio(tmp_path, {"image": "a.png"})
    (photo,) = import_any(tmp_path)
    assert photo.name == "a.png"
    assert len(photo.annotations) == 1


def test_voc_label_that_may_be_of_two_photos_is_refused(tmp_path: Path) -> None:
    for folder in ("north", "south"):
        save_photo(tmp_path / folder / "a.png", 1)
    (tmp_path / "a.xml").write_text("<annotation/>", encoding="utf-8")
    with pytest.raises(MalformedLabelError, match="may label"):
        import_any(tmp_path)


def test_yolo_label_without_its_photo_is_refused(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"train/a": BOX, "train/b": BOX})
    (tmp_path / "labels" / "classes.txt").write_text("manhole_ok\n", encoding="utf-8")
    assert len(import_any(tmp_path)) == 2
    photo = tmp_path / "images" / "train" / "b.png"
    photo.rename(photo.with_suffix(".webp"))
    with pytest.raises(InvalidInputError, match=r"b\.txt labels a photo that is not there"):
        import_any(tmp_path)


@pytest.mark.parametrize("name", ["train.txt", "ImageSets/Main/train.txt"])
def test_list_that_is_no_text_is_a_missing_split(tmp_path: Path, name: str) -> None:
    write_yolo_set(tmp_path, {"a": BOX})
    if "/" in name:
        (tmp_path / "a.xml").write_text("<annotation/>", encoding="utf-8")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MissingSplitError, match=r"train\.txt"):
        import_any(tmp_path)


def test_coco_of_one_folder_a_side_gives_the_split(tmp_path: Path) -> None:
    for side, name in (("train", "a.png"), ("valid", "b.png")):
        save_photo(tmp_path / side / name, ord(name[0]))
        write_coco(tmp_path / side, [name]).rename(tmp_path / side / "_annotations.coco.json")
    assert {photo.name: photo.split for photo in import_any(tmp_path)} == {
        "a.png": "train",
        "b.png": "val",
    }


def test_row_of_sources_that_is_cut_short_says_nothing_of_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "sources.csv"
    path.write_text("image,source,licence,site\na.png,survey\n", encoding="utf-8")
    origin = read_origin(read_facts(path)["a.png"], {})
    assert (origin.source, origin.licence, origin.site) == ("survey", "", "")
