"""What is said of a building comes together on it, and nothing is taken for what it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from detection.dedupe import SightingId
from detection.domain.building_change import BuildingChange, ChangeVerdict, EvidenceKind, RoofHeight
from detection.domain.finding import BuildingPart, Detection, GeoDetection, OnBuilding
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.storeys.settings import load_storey_settings
from serving.db.tables import BuildingFindingRow, LayerFeatureRow
from serving.db.tables.change import BUILDING_REGISTER, HEIGHT_CHANGE
from serving.flights.change import order_by_attention
from serving.flights.register import Permitted
from serving.jobs.change_earlier import measured_from_row, pictures_from_row
from serving.jobs.change_result import MeasuredBuilding, ShownIn
from serving.jobs.change_store import (
    JudgedBuilding,
    KeptPictures,
    columns_from_judged,
    judge_building,
    summarize,
)
from serving.jobs.evidence import gather_evidence, link_on_buildings

SETTINGS = load_storey_settings()
FEATURE = LayerFeatureRow(
    layer_id=3, ordinal=7, feature_id="B1", geometry=shapely.to_wkb(shapely.box(1, 2, 1.1, 2.1))
)
PICTURES = KeptPictures("a" * 64, "b" * 64, None, 0.05)
metres = st.floats(0.0, 40.0).map(lambda value: round(value, 3))
verdicts = st.sampled_from([ChangeVerdict.RISE, ChangeVerdict.FALL, ChangeVerdict.UNCHANGED])


@st.composite
def measured_buildings(draw: st.DrawFn) -> MeasuredBuilding:
    """A building as a comparison or a survey leaves it."""
    std_m = draw(st.floats(0.05, 2.0).map(lambda value: round(value, 3)))
    change = BuildingChange(
        "B1",
        draw(verdicts),
        height_change_m=draw(metres),
        height_change_std_m=std_m,
        area_m2=draw(metres),
        part_lonlat=draw(st.sampled_from([(), (((1.0, 2.0), (1.1, 2.0), (1.1, 2.1)),)])),
        roof_before_m=draw(metres),
        roof_after_m=draw(metres),
        seen_share=draw(st.floats(0.0, 1.0).map(lambda value: round(value, 3))),
    )
    silent = BuildingChange("B1", ChangeVerdict.CANNOT_TELL, reason="change_not_seen")
    roof = RoofHeight("B1", draw(metres), std_m)
    shown = (ShownIn("12", (1.0, 2.0, 3.0, 4.0), (((1.0, 2.0), (3.0, 2.0), (3.0, 4.0)),)),)
    return MeasuredBuilding(
        "B1",
        draw(st.sampled_from([change, silent, None])),
        draw(st.sampled_from([roof, RoofHeight("B1", None, None, "change_ground_not_seen")])),
        (),
        shown,
    )


def judge(measured: MeasuredBuilding, storeys: int | None) -> JudgedBuilding:
    permitted = Permitted("B1", 3, 7, storeys=storeys)
    return judge_building(measured, FEATURE, permitted, PICTURES, SETTINGS)


def finding_of(judged: JudgedBuilding) -> BuildingFindingRow:
    return BuildingFindingRow(**columns_from_judged(1, judged))


@given(measured_buildings(), st.sampled_from([None, 1, 30]))
def test_what_was_measured_comes_back_from_its_row(
    measured: MeasuredBuilding, storeys: int | None
) -> None:
    judged = judge(measured, storeys)
    row = finding_of(judged)
    assert measured_from_row(row) == measured
    assert pictures_from_row(row) == PICTURES
    again = judge(measured_from_row(row), storeys)
    assert columns_from_judged(1, again) == columns_from_judged(1, judged)


@given(measured_buildings(), st.sampled_from([None, 1, 30]))
def test_every_signal_speaks_or_says_why_not(
    measured: MeasuredBuilding, storeys: int | None
) -> None:
    row = finding_of(judge(measured, storeys))
    said = gather_evidence(HazardClass.ADDED_STOREY, row, (), None)
    spoke = {each.kind for each in said.evidence} | {kind for kind, _ in said.silent}
    fell = row.verdict == "fall"
    assert (EvidenceKind.CHANGE in spoke) == (measured.change is not None and not fell)
    assert (EvidenceKind.REGISTER in spoke) == (storeys is not None)
    assert EvidenceKind.PHOTO not in spoke
    down = gather_evidence(HazardClass.DEMOLISHED, row, (), None)
    assert [each.figures["verdict"] for each in down.evidence] == ["fall"] * fell


def seen(number: int, model: str, building: str | None, box: BBox | None = None) -> GeoDetection:
    on_building = None if building is None else OnBuilding(building, BuildingPart.ROOF, 9, 1, 1.0)
    box = box or BBox(0.0, 0.0, 9.0 + number, 9.0)
    detection = Detection(str(number), HazardClass.ADDED_STOREY, 0.6, box, model, "a" * 64)
    return GeoDetection(detection, None, "no_position", on_building=on_building)


def test_photos_count_where_a_model_saw_something_in_them() -> None:
    sightings = [seen(1, "storeys", "B1"), seen(2, HEIGHT_CHANGE, "B1"), seen(3, "storeys", "B1")]
    said = gather_evidence(HazardClass.ADDED_STOREY, None, sightings, None)
    (photo,) = said.evidence
    assert (photo.kind, photo.figures["photos"]) == (EvidenceKind.PHOTO, 2)
    measured = [seen(2, HEIGHT_CHANGE, "B1"), seen(4, BUILDING_REGISTER, "B1")]
    assert gather_evidence(HazardClass.ADDED_STOREY, None, measured, None).evidence == ()


def test_only_what_is_on_one_building_is_joined() -> None:
    found = {
        1: seen(1, "storeys", "B1"),
        2: seen(2, HEIGHT_CHANGE, "B1"),
        3: seen(3, "storeys", "B2"),
        4: seen(4, "storeys", None),
    }
    cracked = seen(5, "cracks", "B1")
    crack = replace(cracked.detection, hazard_class=HazardClass.FACADE_CRACK)
    found[5] = replace(cracked, detection=crack)
    names = {
        row: SightingId(str(row), one.detection.hazard_class.thing, one.detection.bbox_xyxy)
        for row, one in found.items()
    }
    joined = [
        sorted(box.photo_sha256 for box in act.parts[0]) for act in link_on_buildings(found, names)
    ]
    assert joined == [["1", "2"], ["3"]]


@given(
    st.sampled_from(["rise", "fall", "cannot_tell", "unchanged", None]),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
def test_the_more_probable_comes_first_but_never_before_what_matters_more(
    verdict: str | None, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert order_by_attention(verdict, high, excess=False) <= order_by_attention(
        verdict, low, excess=False
    )
    assert order_by_attention("rise", 0.0, excess=False) < order_by_attention(
        "fall", 1.0, excess=True
    )
    if verdict not in {"rise", "fall"}:
        assert order_by_attention(verdict, low, excess=True) < order_by_attention(
            "cannot_tell", high, excess=False
        )


def test_summary_counts_what_can_and_what_cannot_be_told() -> None:
    change = BuildingChange("B1", ChangeVerdict.CANNOT_TELL, reason="change_not_seen")
    blind = judge(
        MeasuredBuilding("B1", change, RoofHeight("B1", None, None, "change_not_seen")), 2
    )
    tall = judge(MeasuredBuilding("B1", None, RoofHeight("B1", 12.0, 0.3)), 1)
    summary = summarize([blind, tall], {"sigma_dz_m": 0.1})
    assert (summary["buildings"], summary["cannot_tell"], summary["excess"]) == (2, 1, 1)
    assert (summary["roofs_measured"], summary["roofs_unknown"]) == (1, 1)
    assert summary["checked"] == 1
    assert summary["reasons"] == {"change_not_seen": 1}
    assert summary["sigma_dz_m"] == pytest.approx(0.1)
