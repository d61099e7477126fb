from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask
from pycocotools.coco import COCO

from detection.coco import (
    CocoImage,
    bbox_xywh_from_xyxy,
    bbox_xyxy_from_xywh,
    build_coco_document,
    read_coco_results,
    write_coco_results,
)
from detection.domain.errors import InvalidInputError
from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass

coordinates = st.floats(0, 20_000, allow_subnormal=False)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: BBox(min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=6).map(tuple)
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00/"), min_size=1, max_size=20
)
images = st.builds(
    CocoImage, names, st.integers(64, 20_000), st.integers(64, 20_000), st.just("a" * 64)
)


@st.composite
def flights(draw: st.DrawFn) -> tuple[list[CocoImage], list[Detection]]:
    photos = draw(st.lists(images, min_size=1, max_size=4, unique_by=lambda i: i.photo_id))
    detections = st.builds(
        Detection,
        photo_id=st.sampled_from([photo.photo_id for photo in photos]),
        hazard_class=st.sampled_from(HazardClass),
        score=st.floats(0, 1),
        bbox_xyxy=boxes,
        model_name=names,
        weights_sha256=st.just("b" * 64),
        polygons=st.lists(rings, max_size=3).map(tuple),
    )
    return photos, draw(st.lists(detections, max_size=6))


@given(boxes)
def test_a_box_comes_back(box: BBox) -> None:
    back = bbox_xyxy_from_xywh(bbox_xywh_from_xyxy(box))
    assert back.xyxy == pytest.approx(box.xyxy, rel=1e-12, abs=1e-9)


@given(flight=flights())
def test_ours_to_coco_to_ours(
    tmp_path_factory: pytest.TempPathFactory, flight: tuple[list[CocoImage], list[Detection]]
) -> None:
    photos, detections = flight
    path = tmp_path_factory.mktemp("coco") / "detections.json"
    write_coco_results(path, photos, detections, {"description": "试飞"})
    results = read_coco_results(path)
    assert results.images == tuple(photos)
    assert results.info == {"description": "试飞"}
    assert len(results.detections) == len(detections)
    for back, sent in zip(results.detections, detections, strict=True):
        assert back.bbox_xyxy.xyxy == pytest.approx(sent.bbox_xyxy.xyxy, rel=1e-12, abs=1e-9)
        assert replace(back, bbox_xyxy=sent.bbox_xyxy) == sent


@given(flight=flights())
def test_coco_to_ours_to_coco(
    tmp_path_factory: pytest.TempPathFactory, flight: tuple[list[CocoImage], list[Detection]]
) -> None:
    path = tmp_path_factory.mktemp("coco") / "detections.json"
    write_coco_results(path, *flight)
    document = json.loads(path.read_text(encoding="utf-8"))
    results = read_coco_results(path)
    again = build_coco_document(results.images, results.detections)
    assert again["images"] == document["images"]
    assert again["categories"] == document["categories"]
    for new, old in zip(again["annotations"], document["annotations"], strict=True):
        assert new["bbox"] == pytest.approx(old["bbox"], rel=1e-12, abs=1e-9)
        assert new["category_id"] == old["category_id"]
        assert new.get("segmentation") == old.get("segmentation")


def test_the_reference_reader_understands_the_file(tmp_path: Path) -> None:
    photo = CocoImage("照片/井盖 01.JPG", 4000, 3000, "a" * 64)
    box = BBox(10.0, 20.0, 110.0, 70.0)
    found = Detection(photo.photo_id, HazardClass.MANHOLE_MISSING, 0.5, box, "m", "b" * 64)
    write_coco_results(tmp_path / "d.json", [photo], [found])
    coco = COCO(str(tmp_path / "d.json"))
    (category,) = coco.loadCats(coco.getCatIds(catNms=["manhole_missing"]))
    assert category["supercategory"] == "manhole"
    (annotation,) = coco.loadAnns(coco.getAnnIds(catIds=[category["id"]]))
    assert annotation["bbox"] == [10.0, 20.0, 100.0, 50.0]
    assert annotation["area"] == 5000.0
    assert coco.loadImgs(annotation["image_id"])[0]["file_name"] == "照片/井盖 01.JPG"
    assert "照片" in (tmp_path / "d.json").read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["d.json"]


def test_the_reference_reader_understands_an_outline(tmp_path: Path) -> None:
    photo = CocoImage("a.jpg", 400, 300, "a" * 64)
    rings = (
        ((10.0, 20.0), (30.0, 20.0), (30.0, 40.0), (10.0, 40.0)),
        ((50.0, 20.0), (60.0, 20.0), (60.0, 30.0)),
    )
    crack = HazardClass.FACADE_CRACK
    found = [
        Detection("a.jpg", crack, 0.5, BBox(10.0, 20.0, 60.0, 40.0), "m", "b" * 64, rings),
        Detection("a.jpg", crack, 0.4, BBox(0, 0, 9, 9), "m", "b" * 64),
    ]
    write_coco_results(tmp_path / "d.json", [photo], found)
    coco = COCO(str(tmp_path / "d.json"))
    outlined, plain = coco.loadAnns(coco.getAnnIds())
    assert outlined["segmentation"][1] == [50.0, 20.0, 60.0, 20.0, 60.0, 30.0]
    assert outlined["area"] == pytest.approx(450)
    assert mask.area(coco.annToRLE(outlined)) == pytest.approx(450, abs=20)
    assert "segmentation" not in plain
    assert read_coco_results(tmp_path / "d.json").detections == tuple(found)


def test_categories_are_matched_by_name(tmp_path: Path) -> None:
    document = build_coco_document(
        [CocoImage("a.jpg", 100, 100, "a" * 64)],
        [Detection("a.jpg", HazardClass.FACADE_CRACK, 0.5, BBox(0, 0, 9, 9), "m", "b" * 64)],
    )
    document["categories"] = [{"id": 77, "name": "facade_crack", "supercategory": "x"}]
    document["annotations"][0]["category_id"] = 77
    path = tmp_path / "d.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert read_coco_results(path).detections[0].hazard_class is HazardClass.FACADE_CRACK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"images": [], "categories": [{"id": 1, "name": "cat"}], "annotations": []}',
        '{"images": [], "categories": [], "annotations": [{"image_id": 1, "bbox": [1]}]}',
    ],
)
def test_what_is_no_results_file_is_an_invalid_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"d\.json") as caught:
        read_coco_results(path)
    assert caught.value.remedy


def test_a_missing_file_is_an_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        read_coco_results(tmp_path / "gone.json")


def test_a_detection_in_an_unknown_photo_is_a_bug() -> None:
    lost = Detection("b.jpg", HazardClass.FACADE_CRACK, 0.5, BBox(0, 0, 9, 9), "m", "b" * 64)
    with pytest.raises(KeyError):
        build_coco_document([], [lost])
