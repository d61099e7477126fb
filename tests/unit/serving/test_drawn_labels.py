"""Drawings laid over decisions: both together are a label, against each other they are none."""

from __future__ import annotations

from serving.db.tables import LabelAnnotationRow
from serving.learning.decisions.drawn import DISAGREE, Drawing, lay_over, read_drawings
from serving.learning.decisions.rows import BoxXyxy, ExportedLabel, UndecidedBox

SHA = "a" * 64
BOX: BoxXyxy = (10.0, 10.0, 50.0, 50.0)
NEARLY: BoxXyxy = (12.0, 10.0, 52.0, 50.0)
AWAY: BoxXyxy = (200.0, 10.0, 240.0, 50.0)
COVERS = ["manhole_missing", "manhole_ok"]


def annotate(
    number: int, *shapes: tuple[str, BoxXyxy], key: str = "boxes:a:1"
) -> LabelAnnotationRow:
    return LabelAnnotationRow(
        id=number,
        task_key=key,
        photo_sha256=SHA,
        flight_id=1,
        classes=COVERS,
        region_xyxy=None,
        shapes=[{"hazard_class": name, "bbox_xyxy": list(box)} for name, box in shapes],
    )


def label(name: str, box: BoxXyxy, verdict: str, event: int = 5) -> ExportedLabel:
    return ExportedLabel(SHA, 1, "decision", verdict, name, box, event_ids=(event,))


def open_box(name: str, box: BoxXyxy, why: str) -> UndecidedBox:
    return UndecidedBox(SHA, 1, name, box, why)


def draw(*shapes: tuple[str, BoxXyxy]) -> list[Drawing]:
    return read_drawings([annotate(1, *shapes)])


def test_what_one_person_drew_is_there_and_the_photo_was_searched() -> None:
    labels, undecided, searched = lay_over(draw(("manhole_ok", BOX)), [], [])
    assert [(item.hazard_class, item.verdict, item.annotation_ids) for item in labels] == [
        ("manhole_ok", "confirmed", (1,))
    ]
    assert undecided == []
    assert [item.classes for item in searched] == [("manhole_missing", "manhole_ok")]


def test_a_drawing_gives_the_shape_of_what_was_confirmed() -> None:
    said = [label("manhole_missing", NEARLY, "confirmed")]
    (found,), undecided, _ = lay_over(draw(("manhole_missing", BOX)), said, [])
    assert (found.bbox_xyxy, found.event_ids, found.annotation_ids) == (BOX, (5,), (1,))
    assert undecided == []


def test_a_drawing_against_a_decision_teaches_nothing() -> None:
    rejected = [label("manhole_missing", NEARLY, "rejected")]
    labels, undecided, _ = lay_over(draw(("manhole_missing", BOX)), rejected, [])
    assert labels == []
    assert {box.why for box in undecided} == {DISAGREE}
    confirmed = [label("manhole_missing", AWAY, "confirmed")]
    labels, undecided, _ = lay_over(draw(("manhole_ok", BOX)), confirmed, [])
    assert [item.bbox_xyxy for item in labels] == [BOX]
    assert [(box.bbox_xyxy, box.why) for box in undecided] == [(AWAY, DISAGREE)]
    as_whole, undecided, _ = lay_over(
        draw(("manhole_ok", BOX)), [label("manhole_missing", BOX, "confirmed")], []
    )
    assert as_whole == [], "one says the cover is gone, the other that it is whole"
    assert len(undecided) == 2


def test_what_was_rejected_and_not_drawn_stays_rejected() -> None:
    rejected = [label("manhole_missing", AWAY, "rejected")]
    labels, undecided, _ = lay_over(draw(("manhole_ok", BOX)), rejected, [])
    assert {(item.bbox_xyxy, item.verdict) for item in labels} == {
        (AWAY, "rejected"),
        (BOX, "confirmed"),
    }
    assert undecided == []


def test_a_drawing_settles_what_nobody_had_decided_but_no_doubt_of_people() -> None:
    boxes = [open_box("manhole_missing", AWAY, why) for why in ("pending", "unsure", "disputed")]
    _, undecided, _ = lay_over(draw(("manhole_ok", BOX)), [], boxes)
    assert [box.why for box in undecided] == ["unsure", "disputed"]


def test_a_drawing_says_nothing_of_classes_that_it_was_not_asked_for() -> None:
    crack = label("facade_crack", AWAY, "confirmed")
    labels, _, _ = lay_over(draw(("manhole_ok", BOX)), [crack], [])
    assert crack in labels


def test_annotators_who_disagree_teach_what_they_agree_on() -> None:
    (drawing,) = read_drawings(
        [
            annotate(1, ("manhole_ok", BOX), ("manhole_missing", AWAY)),
            annotate(2, ("manhole_ok", NEARLY)),
        ]
    )
    labels, undecided, _ = lay_over([drawing], [], [])
    assert [(item.bbox_xyxy, item.annotation_ids) for item in labels] == [(NEARLY, (1, 2))]
    assert [(box.bbox_xyxy, box.why) for box in undecided] == [(AWAY, DISAGREE)]


def test_a_part_of_a_photo_is_no_whole_search() -> None:
    row = annotate(1, ("manhole_ok", BOX))
    row.region_xyxy = [0.0, 0.0, 100.0, 100.0]
    assert read_drawings([row]) == []
