"""What is said of a building: every figure with its error, silence with its reason, no verdict."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.domain.building_change import EvidenceKind
from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.accounts.users import Person
from serving.api.change_schemas import EvidenceAnswer, EvidenceItem, SilentSignal
from serving.api.permit_schemas import PermitCheckItem, PermitsAnswer, PermitState
from serving.db.permit_books import Permit, PermitAnswer
from serving.web.evidence_facts import SignalView, list_signals
from serving.web.i18n import WEB_DIR
from serving.web.permit_facts import PermitView, describe_permits
from serving.web.rendering import Words

SCRIPT = WEB_DIR / "static" / "js" / "building_tie.js"
RISE = {
    "verdict": "rise", "height_change_m": 3.02, "height_change_std_m": 0.18, "area_m2": 64.5,
    "roof_before_m": 9.1, "roof_after_m": 12.1,
}  # fmt: skip
REGISTER = {
    "permitted": 3, "estimate": 4.1, "std": 0.4, "likeliest": 4, "height_m": 12.1,
    "height_std_m": 0.3,
}  # fmt: skip


def _signals(
    *spoken: tuple[EvidenceKind, dict[str, Any]],
    silent: Sequence[SilentSignal] = (),
    probability: float = 0.97,
) -> dict[str, SignalView]:
    answer = EvidenceAnswer(
        candidate_id=1,
        hazard_class=HazardClass.ADDED_STOREY,
        has_evidence=True,
        building_id="B1",
        layer_id=1,
        building_name=None,
        score=0.9,
        origin=None,
        evidence=[
            EvidenceItem(kind=kind, probability=probability, figures=figures)
            for kind, figures in spoken
        ],
        cannot_tell=list(silent),
        finding=None,
        run=None,
    )
    return {view.kind: view for view in list_signals(answer, Words("en"))}


def test_a_proposal_accuses_nobody() -> None:
    words = Words("zh_CN")
    names = [words.proposed_name(each) for each in ("added_storey", "demolished")]
    assert names == ["疑似加层", "拆除核查"]
    assert words.class_name("added_storey") == "擅自加层", "only where a person confirmed it"
    assert words.proposed_name("manhole_missing") == words.class_name("manhole_missing")


def test_nothing_that_is_estimated_is_certain() -> None:
    answers = [_signals((EvidenceKind.CHANGE, RISE), probability=each) for each in (0.999, 0.001)]
    assert [each["change"].probability for each in answers] == [">99%", "<1%"]


def test_figures_carry_the_error_at_95_percent() -> None:
    views = _signals((EvidenceKind.CHANGE, RISE), (EvidenceKind.REGISTER, REGISTER))
    assert views["change"].lines == (
        "The roof rose by 3.0 ± 0.4 m over 64 m².",
        "Roof above ground: 9.1 m before, 12.1 m now.",
    )
    assert views["change"].probability == "97%"
    assert views["register"].lines == (
        "Permitted: 3 storeys.",
        "About 4.1 ± 0.8 storeys, for the roof is 12.1 ± 0.6 m above ground.",
    )


def test_a_fall_is_told_by_how_much_and_no_change_with_its_sign() -> None:
    fall = RISE | {"verdict": "fall", "height_change_m": -3.02}
    assert _signals((EvidenceKind.CHANGE, fall))["change"].lines[0] == (
        "The roof fell by 3.0 ± 0.4 m over 64 m²."
    )
    same = {"verdict": "unchanged", "height_change_m": -0.05, "height_change_std_m": 0.1}
    assert _signals((EvidenceKind.CHANGE, same))["change"].lines == (
        "The roof is as high as before (difference \N{MINUS SIGN}0.1 ± 0.2 m).",
    )


def test_silence_says_why_and_what_was_never_asked_says_so() -> None:
    views = _signals(silent=[SilentSignal(kind=EvidenceKind.REGISTER, reason="no_position")])
    assert views["register"].is_silent
    assert views["register"].remedy
    assert views["register"].lines[0] != "no_position", "in words"
    assert views["change"].lines == ("Not compared with an earlier flight.",)
    assert (views["change"].remedy, views["change"].probability) == ("", "")


@settings(deadline=None)  # the first reads the catalogue
@given(
    st.sampled_from(list(EvidenceKind)),
    st.dictionaries(st.sampled_from([*RISE, *REGISTER, "score", "photos"]), st.none()),
)
def test_what_is_not_known_is_a_dash_never_a_crash(
    kind: EvidenceKind, unknown: dict[str, None]
) -> None:
    view = _signals((kind, dict(unknown)))[kind]
    assert view.lines
    assert "None" not in " ".join(view.lines)


@pytest.mark.parametrize(("name", "can_undo"), [("li", True), ("wang", False)])
def test_only_ones_own_last_answer_has_a_button(name: str, *, can_undo: bool) -> None:
    said = PermitCheckItem(
        id=1, permit=Permit.LAND, answer=PermitAnswer.NO, note=None, undone=False, is_last=True,
        made_by="li", made_at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip
    answer = PermitsAnswer(
        is_asked=True, permits=[PermitState(permit=Permit.LAND, standing=said)], history=[said]
    )
    person = Person(1, name, Role.REVIEWER)
    told = describe_permits(answer, {"land_permit": "1998-17"}, person, Words("zh_CN"))
    (line,) = cast("list[PermitView]", told["permits"])
    assert line.standing is not None
    assert (line.label, line.number, line.standing.answer) == ("用地", "1998-17", "无")
    assert line.standing.can_undo is can_undo
    assert told["permit_history"] == [], "what holds stands in the checklist"


# ------------------------------------------------------------------ two photos of one roof


def _ask(tmp_path: Path, expression: str) -> Any:  # noqa: ANN401 - whatever the script answers
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    (tmp_path / "tie.mjs").write_bytes(SCRIPT.read_bytes())
    code = f'import * as tie from "./tie.mjs";\nconsole.log(JSON.stringify({expression}));\n'
    (tmp_path / "ask.mjs").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [node, str(tmp_path / "ask.mjs")], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


RING = [[0, 0], [40, 0], [40, 20], [0, 20]]


def _turned(scale: float, turn_deg: float) -> list[list[float]]:
    cos, sin = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    return [[500 + scale * (x * cos - y * sin), 300 + scale * (x * sin + y * cos)] for x, y in RING]


def test_rings_of_one_roof_give_scale_and_turn(tmp_path: Path) -> None:
    asked = [[1.0, 0.0], [2.5, 30.0], [0.5, -170.0]]
    rings = [_turned(*each) for each in asked]
    found = _ask(tmp_path, f"{rings}.map((ring) => tie.fitRings({RING}, ring))")
    for (scale, turn_deg), fit in zip(asked, found, strict=True):
        assert fit["scale"] == pytest.approx(scale)
        assert fit["turnDeg"] == pytest.approx(turn_deg)


def test_a_slanting_view_is_tied_by_its_box_and_not_turned(tmp_path: Path) -> None:
    slanting = {"polygons": [[[0, 0], [40, 15], [52, 33], [12, 18]]], "bbox_xyxy": [0, 0, 52, 33]}
    level = {"polygons": [RING], "bbox_xyxy": [0, 0, 40, 20]}
    pairs = [[level, level], [slanting, level]]
    ties = _ask(tmp_path, f"{json.dumps(pairs)}.map(([one, two]) => tie.tieBuilding(one, two))")
    assert [before["turn_deg"] for before, _ in ties] == [0, None]


def test_each_photo_is_shown_beside_the_one_that_looks_most_alike(tmp_path: Path) -> None:
    def make(name: str, turn_deg: float) -> dict[str, object]:
        return {"name": name, "polygons": [_turned(1, turn_deg)], "bbox_xyxy": [0, 0, 40, 20]}

    photos = {
        "before": [make("south", 170), make("north", 10)],
        "after": [make("n", 0), make("s", 180)],
    }
    found = _ask(tmp_path, f"tie.pairPhotos({json.dumps(photos)})")
    assert [[each["name"] for each in pair] for pair in found] == [["north", "n"], ["south", "s"]]
    assert _ask(tmp_path, "tie.pairPhotos({ before: [], after: [{}] })") == []


def test_without_outlines_photos_are_tied_by_their_boxes(tmp_path: Path) -> None:
    assert _ask(tmp_path, f"tie.fitRings({RING}, {RING[:3]})") is None
    photo = {"polygons": [], "bbox_xyxy": [0, 0, 40, 20]}
    other = {"polygons": [], "bbox_xyxy": [100, 100, 180, 140]}
    before, now = _ask(tmp_path, f"tie.tieBuilding({json.dumps(other)}, {json.dumps(photo)})")
    assert (before["point_px"], now["point_px"]) == ([140, 120], [20, 10])
    assert before["px_per_m"] == pytest.approx(2 * now["px_per_m"])
    assert before["turn_deg"] is None
