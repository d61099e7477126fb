"""No label is changed by the way to Label Studio and back; what is none of ours is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon

from serving.labelstudio.agreement import agree, match
from serving.labelstudio.convert import (
    PictureSize,
    Shape,
    box_region,
    outline_region,
    shapes_from_result,
    turn_corners,
)
from serving.labelstudio.errors import (
    DrawingError,
    LabelOutsideTaxonomyError,
    OtherPictureError,
    ShapeOutsideError,
    ShapeUnknownError,
)
from serving.labelstudio.kinds import BOXES, OUTLINES, geometries_of, load_kinds
from serving.labelstudio.reading import Sent, read_annotation
from serving.labelstudio.tasks import Prediction, TaskPhoto, key_of, make_task, task_key

EXACT_PX = 0.01
CLASSES = load_kinds()[BOXES].classes
SIZE = PictureSize(4000, 3000)
sizes = st.builds(PictureSize, st.integers(40, 12_000), st.integers(40, 12_000))
shares = st.tuples(
    *[st.floats(0, 0.98) for _ in range(2)], *[st.floats(0.001, 1) for _ in range(2)]
)
names = st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable())


def box_of(size: PictureSize, share: tuple[float, float, float, float]) -> Shape:
    x_min, y_min = share[0] * size.width_px, share[1] * size.height_px
    x_max = x_min + max(share[2] * (size.width_px - x_min), 0.5)
    y_max = y_min + max(share[3] * (size.height_px - y_min), 0.5)
    return Shape("manhole_ok", (x_min, y_min, x_max, y_max), "d7")


def through_json(region: dict[str, Any]) -> dict[str, Any]:
    """Return a region as it looks after a trip over HTTP."""
    read: dict[str, Any] = json.loads(json.dumps(region, ensure_ascii=False))
    return read


@given(sizes, shares)
def test_box_comes_back_as_it_was(
    size: PictureSize, share: tuple[float, float, float, float]
) -> None:
    sent = box_of(size, share)
    (back,) = shapes_from_result([through_json(box_region(sent, size))], size, CLASSES)
    assert back.hazard_class == sent.hazard_class
    assert back.region == sent.region
    assert back.bbox_xyxy == pytest.approx(sent.bbox_xyxy, abs=EXACT_PX)
    assert back.outline is None


@given(
    sizes,
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=60, unique=True),
)
def test_outline_comes_back_as_it_was(
    size: PictureSize, shares_of: list[tuple[float, float]]
) -> None:
    ring = tuple((x * size.width_px, y * size.height_px) for x, y in shares_of)
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    sent = Shape("facade_crack", (min(xs), min(ys), max(xs), max(ys)), "d1-0", ring)
    region = through_json(outline_region(sent, size))
    if max(xs) <= min(xs) or max(ys) <= min(ys):
        with pytest.raises(ShapeOutsideError):
            shapes_from_result([region], size, ("facade_crack",))
        return
    (back,) = shapes_from_result([region], size, ("facade_crack",))
    assert back.outline is not None
    for was, is_now in zip(ring, back.outline, strict=True):
        assert is_now == pytest.approx(was, abs=EXACT_PX)


@given(st.floats(-359, 359), st.floats(50, 800), st.floats(50, 600))
def test_turned_rectangle_keeps_its_sides_and_its_area(
    rotation_deg: float, width: float, height: float
) -> None:
    value = {
        "x": 50.0,
        "y": 50.0,
        "width": 100 * width / SIZE.width_px,
        "height": 100 * height / SIZE.height_px,
        "rotation": rotation_deg,
        "rectanglelabels": ["manhole_ok"],
    }
    region = box_region(Shape("manhole_ok", (1, 1, 2, 2), "a"), SIZE) | {"value": value}
    (back,) = shapes_from_result([through_json(region)], SIZE, CLASSES)
    if rotation_deg == 0:
        assert back.outline is None
        return
    assert back.rotation_deg == rotation_deg
    assert back.outline is not None
    sides = [math.dist(back.outline[i], back.outline[(i + 1) % 4]) for i in range(4)]
    assert sides == pytest.approx([width, height, width, height], abs=EXACT_PX)
    assert Polygon(back.outline).area == pytest.approx(width * height, rel=1e-6)


def test_rectangle_is_turned_clockwise_about_its_first_corner() -> None:
    # A quarter turn clockwise on a screen (y downwards): its width then runs down.
    corners = turn_corners((100.0, 200.0), 50.0, 20.0, 90.0)
    assert corners[0] == (100.0, 200.0)
    assert corners[1] == pytest.approx((100.0, 250.0))
    assert corners[3] == pytest.approx((80.0, 200.0))


@given(names, names)
def test_names_of_photos_in_any_script_are_kept(name: str, flight: str) -> None:
    key = task_key(BOXES, "http://127.0.0.1", 4, 12, "a" * 64)
    task, _ = make_task(key, TaskPhoto(name, flight, SIZE, "http://l"), BOXES, [])
    back = through_json(task)
    assert back["data"]["name"] == name
    assert back["data"]["flight"] == flight
    assert key_of(back) == key


def test_crack_of_two_rings_is_two_shapes_and_one_without_an_outline_none() -> None:
    ring = ((1.0, 1.0), (9.0, 1.0), (9.0, 9.0))
    with_rings = Prediction(5, "facade_crack", (1, 1, 9, 9), (ring, ring), 0.7, "crack@1")
    without = Prediction(6, "facade_crack", (1, 1, 9, 9), (), 0.9, "crack@1")
    photo = TaskPhoto("a.jpg", "f", SIZE, "http://l")
    task, kept = make_task("k", photo, OUTLINES, [with_rings, without])
    assert [each["region"] for each in kept] == ["d5-0", "d5-1"]
    assert task["predictions"][0]["score"] == 0.7
    assert task["predictions"][0]["model_version"] == "crack@1"


SENT = Sent(
    SIZE,
    CLASSES,
    (
        {
            "region": "d1",
            "detection_id": 1,
            "hazard_class": "manhole_ok",
            "bbox_xyxy": [100.0, 100.0, 200.0, 200.0],
            "outline": None,
            "score": 0.8,
        },
    ),
)


def annotation(*regions: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {
        "id": 3,
        "result": list(regions),
        "completed_by": 8,
        "updated_by": {"id": 9},
        "was_cancelled": False,
        "updated_at": "2026-11-22T18:41:00.216976Z",
    } | fields


def region_of(
    label: str = "manhole_ok",
    box: tuple[float, float, float, float] = (100, 100, 200, 200),
    name: str = "d1",
) -> dict[str, Any]:
    return box_region(Shape(label, box, name), SIZE)


@pytest.mark.parametrize(
    ("region", "change"),
    [
        (region_of(), "kept"),
        (region_of("manhole_broken"), "reclassed"),
        (region_of(box=(101, 100, 200, 200)), "moved"),
        (region_of("manhole_broken", (90, 100, 200, 200)), "moved_reclassed"),
        (region_of(name="xYz"), "added"),
    ],
)
def test_what_a_person_did_with_a_prediction_is_told(region: dict[str, Any], change: str) -> None:
    drawing = read_annotation(annotation(region), SENT)
    assert [shape["change"] for shape in drawing.shapes] == [change]
    assert [shape["detection_id"] for shape in drawing.shapes] == [None if change == "added" else 1]
    assert len(drawing.dropped) == (change == "added")
    assert (drawing.annotator, drawing.edited_by) == ("#8", "#9")


def test_skip_says_nothing_of_the_predictions() -> None:
    drawing = read_annotation(annotation(region_of("nonsense"), was_cancelled=True), SENT)
    assert (drawing.kind, drawing.shapes, drawing.dropped) == ("skipped", (), ())


@pytest.mark.parametrize(
    ("region", "error"),
    [
        (region_of("龙"), LabelOutsideTaxonomyError),
        (region_of("facade_crack"), LabelOutsideTaxonomyError),
        (region_of() | {"original_width": 1}, OtherPictureError),
        (region_of() | {"image_rotation": 90}, OtherPictureError),
        (region_of() | {"type": "ellipselabels"}, ShapeUnknownError),
        (region_of() | {"value": None}, ShapeUnknownError),
        (region_of() | {"value": {"rectanglelabels": ["manhole_ok"]}}, ShapeUnknownError),
        (region_of() | {"value": region_of()["value"] | {"x": math.nan}}, ShapeUnknownError),
        (
            region_of() | {"value": region_of()["value"] | {"rectanglelabels": []}},
            ShapeUnknownError,
        ),
        (region_of(box=(-900, 5, -800, 9)), ShapeOutsideError),
        (region_of(box=(3900, 100, 4300, 200)), ShapeOutsideError),
        (region_of(box=(5, 5, 5, 9)), ShapeOutsideError),
    ],
)
def test_what_is_none_of_ours_is_refused_whole(
    region: dict[str, Any], error: type[DrawingError]
) -> None:
    with pytest.raises(error) as raised:
        read_annotation(annotation(region_of(name="good"), region), SENT)
    assert raised.value.remedy


@given(st.lists(shares, max_size=5), st.lists(shares, max_size=5))
def test_agreement_is_even_handed_and_between_0_and_1(
    one: list[tuple[float, float, float, float]], other: list[tuple[float, float, float, float]]
) -> None:
    first, second = ([box_of(SIZE, share) for share in each] for each in (one, other))
    found = agree([first, second])
    assert found is not None
    assert 0 <= found <= 1
    assert found == agree([second, first])
    assert agree([first, first]) == 1.0
    assert len(match(first, second)) <= min(len(first), len(second))


def test_other_class_and_other_place_disagree() -> None:
    here = Shape("manhole_ok", (0, 0, 10, 10), "a")
    there = Shape("manhole_ok", (50, 50, 60, 60), "b")
    broken = Shape("manhole_broken", (0, 0, 10, 10), "c")
    assert agree([[here]]) is None
    assert agree([[here], [broken]]) == 0.0
    assert agree([[here, there], [here]]) == pytest.approx(2 / 3)
    assert agree([[], []]) == 1.0


def test_every_class_that_a_model_finds_has_a_project() -> None:
    assert geometries_of("facade_crack") == (OUTLINES,)
    assert geometries_of("manhole_missing") == (BOXES,)
    assert geometries_of(None) == (BOXES, OUTLINES)
    # Compared flights say so, not a photo: nobody can draw it.
    assert geometries_of("demolished") == ()
