"""A flight is compared with an earlier one: what comes of it in the queue, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from detection.domain.finding import BuildingPart, OnBuilding
from detection.domain.hazard import HazardClass
from serving.db.tables import (
    AuditEventRow,
    ChangeRunRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
)
from serving.jobs.change import MAX_ATTEMPTS, compare_flights, place_flights
from serving.jobs.change_process import ComparisonBrokeOffError
from serving.jobs.change_result import Refusal
from serving.jobs.chunk import StoppingError
from serving.jobs.context import WorkerContext
from serving.jobs.flights import reprocess_flight
from serving.jobs.grouping import load_scene
from serving.jobs.queue import CHANGE_QUEUE, COVERAGE_QUEUE
from serving.web.labels import GROUND_METHODS
from tests.integration.compared_flights import BOX, FALL, RISE, UNCHANGED, Teller, bring_buildings
from tests.integration.seen_covers import list_shown, see_covers
from tests.job_runner import run_jobs

FlightOf = Callable[[int], FlightRow]
LANES = [COVERAGE_QUEUE, CHANGE_QUEUE]
ON_B1 = OnBuilding("B1", BuildingPart.ROOF, 9.0, 1.0, 0.9)
SEEN = {0: HazardClass.ADDED_STOREY}


@pytest.fixture
def teller() -> Teller:
    return Teller({"B1": RISE})


@pytest.fixture
def context(worker_context: WorkerContext, teller: Teller) -> WorkerContext:
    worker_context.compare = teller
    return worker_context


@pytest.fixture
def flights(context: WorkerContext, flight_of: FlightOf, engineer: TestClient) -> tuple[int, int]:
    """An earlier and a later flight over two buildings; a model sees a roof in the later one."""
    bring_buildings(engineer)
    base, new = flight_of(2).id, flight_of(2).id
    see_covers(context, base, places=0)
    see_covers(context, new, places=1, classes=SEEN, on_building=ON_B1)
    place_flights(context, None)
    return base, new


def compare(client: TestClient, context: WorkerContext, flight_id: int) -> dict[str, Any]:
    """Order a comparison with the baseline, make it, and return it."""
    ordered = client.post(f"/flights/{flight_id}/change")
    assert ordered.status_code == 202, ordered.text
    run_jobs(context, LANES)
    answer: dict[str, Any] = client.get(f"/change-runs/{ordered.json()['id']}").json()
    return answer


def test_a_rise_becomes_one_candidate_of_its_building_with_its_evidence(
    reviewer: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    base, new = flights
    before = reviewer.get(f"/flights/{new}/change").json()
    assert (before["is_baseline"], before["baseline_flight_id"]) == (False, base)
    assert before["overlap_share"] == pytest.approx(1.0, abs=0.01)
    assert (before["can_start"], before["run"], before["building_count"]) == (True, None, 2)
    (seen,) = list_shown(context, new)
    score = reviewer.get(f"/candidates/{seen}").json()["score"]

    run = compare(reviewer, context, new)
    assert (run["state"], run["kind"], run["requested_by"]) == ("done", "compare", "reviewer")
    assert run["is_standing"]
    assert not run["can_cancel"]
    summary = run["summary"]
    assert [summary[each] for each in ("buildings", "rise", "cannot_tell")] == [2, 1, 1]
    assert (summary["sigma_dz_m"], summary["candidates"]) == (0.08, 1)
    assert summary["reasons"] == {"change_not_seen": 1}
    (task,) = teller.tasks
    assert task.base is not None
    assert len(task.base.photos) == len(task.new.photos) == 2

    assert list_shown(context, new) == [seen], "the model's sightings and ours are one"
    answer = reviewer.get(f"/candidates/{seen}").json()
    assert len(answer["sightings"]) == 4
    assert answer["score"] > max(score, 0.9)
    assert answer["votes"]["views"] == 2, "a measurement is no view of a model"
    evidence = reviewer.get(f"/candidates/{seen}/evidence").json()
    assert [each["kind"] for each in evidence["evidence"]] == ["change", "photo"]
    rise = evidence["evidence"][0]["figures"]
    assert (rise["height_change_m"], rise["height_change_std_m"]) == (3.0, 0.2)
    assert evidence["score"] == answer["score"]
    assert (evidence["origin"], evidence["building_name"]) == ("new", "B1号楼")
    assert evidence["finding"]["candidate_id"] == seen
    assert evidence["run"]["id"] == run["id"]


def test_findings_are_listed_by_what_matters_with_photos_and_pictures(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int]
) -> None:
    run = compare(operator, context, flights[1])
    path = f"/change-runs/{run['id']}/findings"
    first = operator.get(path, params={"limit": 1}).json()
    rest = operator.get(path, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    (rise,), (unknown,) = first["items"], rest["items"]
    assert (rise["verdict"], unknown["verdict"]) == ("rise", "cannot_tell")
    assert rest["next_cursor"] is None
    assert unknown["reason"] == "change_not_seen"
    assert unknown["figures"]["height_change_m"] is None
    assert rise["part"]["type"] == "MultiPolygon"
    assert [len(rise["photos"][side]) for side in ("before", "after")] == [2, 2]
    assert {each["flight_id"] for each in rise["photos"]["before"]} == {flights[0]}
    assert rise["photos"]["after"][0]["bbox_xyxy"] == list(BOX)
    for name, content in (("before", b"before"), ("difference", b"difference")):
        assert operator.get(f"http://testserver{rise['pictures'][name]}").content == content
    assert unknown["pictures"]["before"] is None
    missing = operator.get(f"{path}/{unknown['id']}/before.jpg")
    assert missing.json()["code"] == "change_picture_not_found"
    assert operator.get(f"{path}/{rise['id']}").json() == rise
    shapes = operator.get(f"{path}.geojson").json()["features"]
    assert {each["properties"]["verdict"] for each in shapes} == {"rise", "cannot_tell"}
    only = operator.get(path, params={"verdict": "cannot_tell"}).json()["items"]
    assert [each["building_id"] for each in only] == ["B2"]


def test_a_second_comparison_takes_back_what_nobody_decided_and_keeps_the_rest(
    reviewer: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    _, new = flights
    teller.changes = {"B1": RISE, "B2": FALL}
    first = compare(reviewer, context, new)
    rose, fell = sorted(
        list_shown(context, new),
        key=lambda one: reviewer.get(f"/candidates/{one}").json()["hazard_class"],
    )
    decided = reviewer.post(f"/candidates/{fell}/decisions", json={"verdict": "confirm"})
    assert decided.status_code == 201

    teller.changes = {"B1": UNCHANGED, "B2": UNCHANGED}
    second = compare(reviewer, context, new)
    assert not reviewer.get(f"/change-runs/{first['id']}").json()["is_standing"]
    assert set(list_shown(context, new)) == {rose, fell}, "one is the model's, one was decided"
    kept = reviewer.get(f"/candidates/{fell}").json()
    assert (kept["state"], kept["hazard_class"]) == ("confirmed", "demolished")
    assert len(kept["sightings"]) == 2, "it keeps the boxes on which it was decided"
    lowered = reviewer.get(f"/candidates/{rose}").json()
    assert len(lowered["sightings"]) == 2
    assert lowered["score"] < 0.5, "the roof did not rise"
    assert [
        each["candidate_id"] for each in reviewer.get(second["findings_url"][7:]).json()["items"]
    ] == [None, None]


def test_a_new_processing_keeps_what_the_comparison_found(
    reviewer: TestClient, context: WorkerContext, flights: tuple[int, int]
) -> None:
    _, new = flights
    compare(reviewer, context, new)
    (candidate,) = list_shown(context, new)
    with context.sessions.begin() as session:
        reprocess_flight(session, new)
    see_covers(context, new, places=0)
    assert list_shown(context, new) == [candidate]
    answer = reviewer.get(f"/candidates/{candidate}").json()
    assert {each["model_name"] for each in answer["sightings"]} == {"height_change"}
    assert answer["votes"] is None, "no model saw it in any photo"


def test_a_comparison_may_show_a_building_in_a_photo_that_was_left_out(
    reviewer: TestClient, context: WorkerContext, flight_of: FlightOf, engineer: TestClient
) -> None:
    bring_buildings(engineer)
    base, new = flight_of(2).id, flight_of(3).id
    with context.sessions.begin() as session:
        ids = list(session.scalars(select(PhotoRow.id).where(PhotoRow.flight_id == new)))
        rest = update(PhotoRow).where(PhotoRow.id.in_([min(ids), max(ids)]))
        session.execute(rest.values(state="left_out"))
    for flight_id in (base, new):
        see_covers(context, flight_id, places=0)
    place_flights(context, None)
    assert compare(reviewer, context, new)["state"] == "done"
    (candidate,) = list_shown(context, new)
    shown = reviewer.get(f"/candidates/{candidate}").json()["sightings"]
    assert min(ids) in {each["photo_id"] for each in shown}
    with context.sessions() as session:
        known = set(load_scene(session, context.store, new).photos)
    assert known == {str(each) for each in sorted(ids)[:2]}, "the last one shows nothing"


def test_what_a_person_splits_off_a_building_stays_apart(
    reviewer: TestClient, context: WorkerContext, flights: tuple[int, int]
) -> None:
    _, new = flights
    compare(reviewer, context, new)
    (candidate,) = list_shown(context, new)
    answer = reviewer.get(f"/candidates/{candidate}").json()
    of_model = [
        each["detection_id"] for each in answer["sightings"] if each["model_name"] == "manhole"
    ]
    body = {"sightings": of_model, "revision": answer["revision"], "expected_state": "pending"}
    split = reviewer.post(f"/candidates/{candidate}/split", json=body)
    assert split.status_code == 201, split.text
    apart = list_shown(context, new)
    assert len(apart) == 2
    compare(reviewer, context, new)
    assert list_shown(context, new) == apart, "no later comparison joins them again"


def test_asked_twice_it_is_made_once_and_other_questions_wait(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int], flight_of: FlightOf
) -> None:
    base, new = flights
    other = flight_of(2).id
    see_covers(context, other, places=0)
    first = operator.post(f"/flights/{new}/change", json={"base_flight_id": base}).json()
    again = operator.post(f"/flights/{new}/change").json()
    assert first["id"] == again["id"]
    refused = operator.post(f"/flights/{new}/change", json={"base_flight_id": other})
    assert (refused.status_code, refused.json()["code"]) == (409, "change_running")
    itself = operator.post(f"/flights/{new}/change", json={"base_flight_id": new})
    assert itself.json()["code"] == "change_same_flight"
    with context.sessions() as session:
        acts = session.scalars(
            select(AuditEventRow.act).where(AuditEventRow.subject_kind == "change_run")
        )
        assert acts.all() == ["order_comparison"]


def test_only_what_can_be_compared_is(
    operator: TestClient, context: WorkerContext, flight_of: FlightOf, engineer: TestClient
) -> None:
    draft, done = flight_of(1).id, flight_of(1).id
    see_covers(context, done, places=0)
    unready = operator.post(f"/flights/{draft}/change", json={"base_flight_id": done})
    assert unready.json()["code"] == "change_flight_not_ready"
    bare = operator.post(f"/flights/{done}/change").json()
    assert bare["code"] == "change_no_layer"
    assert operator.get(f"/flights/{done}/change").json()["start_problem"] == "change_no_layer"
    bring_buildings(engineer)
    assert operator.post(f"/flights/{done}/change").json()["code"] == "change_no_base"
    assert operator.post("/change-runs/9/cancel").status_code == 404


def test_cancelled_in_the_middle_nothing_of_it_stays(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    _, new = flights
    shown = list_shown(context, new)
    seen: list[dict[str, Any]] = []

    def cancel() -> None:
        run = operator.get(f"/flights/{new}/change").json()["run"]
        seen.append(run)
        cancelled = operator.post(f"/change-runs/{run['id']}/cancel").json()
        assert cancelled["state"] == "cancelled"
        assert operator.post(f"/change-runs/{run['id']}/cancel").json() == cancelled

    teller.meanwhile = cancel
    run = compare(operator, context, new)
    assert (seen[0]["state"], seen[0]["stage"], seen[0]["done"]) == ("running", "heights", 1)
    assert (run["state"], run["is_standing"]) == ("cancelled", False)
    assert operator.get(run["findings_url"][7:]).json()["items"] == []
    assert list_shown(context, new) == shown


def test_flights_that_do_not_fit_are_told_and_what_stood_goes_on(
    reviewer: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    _, new = flights
    stands = compare(reviewer, context, new)
    teller.refusal = Refusal("change_small_overlap", "They share 31 %.", "Fly it again.")
    failed = compare(reviewer, context, new)
    assert failed["state"] == "failed"
    assert failed["error"] == {
        "code": "change_small_overlap",
        "message": "They share 31 %.",
        "remedy": "Fly it again.",
    }
    answer = reviewer.get(f"/flights/{new}/change").json()
    assert (answer["run"]["id"], answer["standing"]["id"]) == (failed["id"], stands["id"])
    over = reviewer.post(f"/change-runs/{failed['id']}/cancel").json()
    assert over["code"] == "change_run_over"


def test_a_process_that_ends_each_time_is_given_up_with_a_remedy(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    def break_off() -> None:
        raise ComparisonBrokeOffError

    teller.meanwhile = break_off
    run_id = operator.post(f"/flights/{flights[1]}/change").json()["id"]
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(ComparisonBrokeOffError):
            compare_flights(context, run_id)
    compare_flights(context, run_id)
    run = operator.get(f"/change-runs/{run_id}").json()
    assert (run["state"], run["error"]["code"]) == ("failed", "change_broke_off")
    assert len(teller.tasks) == MAX_ATTEMPTS


def test_a_comparison_that_kills_its_workers_is_given_up(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    run_id = operator.post(f"/flights/{flights[1]}/change").json()["id"]
    with context.sessions.begin() as session:
        run = session.get_one(ChangeRunRow, run_id)
        run.state, run.attempts = "running", MAX_ATTEMPTS
    compare_flights(context, run_id)
    assert operator.get(f"/change-runs/{run_id}").json()["error"]["code"] == "change_broke_off"
    assert teller.tasks == []


def test_a_worker_that_is_asked_to_stop_leaves_it_to_the_next(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int], teller: Teller
) -> None:
    teller.meanwhile = context.stopping.set
    run_id = operator.post(f"/flights/{flights[1]}/change").json()["id"]
    with pytest.raises(StoppingError):
        compare_flights(context, run_id)
    context.stopping.clear()
    teller.meanwhile = lambda: None
    compare_flights(context, run_id)
    compare_flights(context, run_id)  # a job that comes twice
    with context.sessions() as session:
        run = session.get_one(ChangeRunRow, run_id)
        assert (run.state, run.attempts) == ("done", 1)
        count = select(func.count()).where(DetectionRow.change_run_id == run_id)
        assert session.scalars(count).one() == 2
        acts = select(AuditEventRow.act).where(AuditEventRow.subject_kind == "change_run")
        assert session.scalars(acts).all() == ["order_comparison", "end_comparison"]


def test_the_first_flight_is_the_baseline_and_later_ones_are_compared_on_arrival(
    reviewer: TestClient, context: WorkerContext, flight_of: FlightOf, engineer: TestClient
) -> None:
    bring_buildings(engineer)
    first, second, third = (flight_of(6).id for _ in range(3))
    see_covers(context, first, places=2, classes=SEEN, on_building=ON_B1)
    place_flights(context, first)
    see_covers(context, second, places=3, classes=SEEN, on_building=ON_B1)
    place_flights(context, second)
    place_flights(context, second)  # a job that comes twice
    see_covers(context, third, places=0)
    _take_on(context, third, "2020-05-05T10:00:00")
    place_flights(context, third)
    run_jobs(context, LANES)
    state = {
        each: reviewer.get(f"/flights/{each}/change").json() for each in (first, second, third)
    }
    assert state[first]["is_baseline"]
    assert state[first]["run"] is None, "there is no register to hold it against"
    assert state[second]["run"]["base_flight_id"] == first
    assert state[second]["run"]["requested_by"] is None
    assert state[third]["baseline_flight_id"] == first
    assert state[third]["run"] is None, "it is older than the baseline: nothing rose since"
    runs = reviewer.get(f"/flights/{second}/change-runs").json()["items"]
    assert [each["id"] for each in runs] == [state[second]["run"]["id"]]
    assert state[first]["counts"] == {"new": 0, "stock": 2}
    # Of the three the roof rose since, one cover was there, one was not.
    assert state[second]["counts"] == {"new": 2, "stock": 1}
    for origin, count in (("new", 2), ("stock", 1)):
        query = {"flight_id": second, "origin": origin}
        items = reviewer.get("/candidates", params=query).json()["items"]
        assert [each["origin"] for each in items] == [origin] * count
        assert reviewer.get("/candidates/counts", params=query).json()["pending"] == count


def test_where_people_want_no_comparison_on_arrival_none_is_made(
    operator: TestClient, context: WorkerContext, flight_of: FlightOf, engineer: TestClient
) -> None:
    bring_buildings(engineer)
    context.settings = context.settings.model_copy(update={"compare_on_arrival": False})
    for flight_id in (flight_of(6).id, flight_of(6).id):
        see_covers(context, flight_id, places=0)
        place_flights(context, flight_id)
    answer = operator.get(f"/flights/{flight_id}/change").json()
    assert answer["run"] is None
    assert [each["is_baseline"] for each in answer["base_choices"]] == [True]


@pytest.mark.usefixtures("flights")
def test_a_flight_elsewhere_is_a_baseline_of_its_own(
    operator: TestClient, context: WorkerContext, flight_of: FlightOf
) -> None:
    far = flight_of(2).id
    see_covers(context, far, places=0)
    with context.sessions.begin() as session:
        for photo in session.scalars(select(PhotoRow).where(PhotoRow.flight_id == far)):
            photo.lat = (photo.lat or 0.0) + 0.001
    place_flights(context, far)
    answer = operator.get(f"/flights/{far}/change").json()
    assert answer["is_baseline"]
    assert answer["base_choices"] == []


def test_a_baseline_is_held_against_what_is_permitted(
    reviewer: TestClient, context: WorkerContext, flight_of: FlightOf, engineer: TestClient
) -> None:
    bring_buildings(engineer, 许可层数=1)
    flight_id = flight_of(6).id
    see_covers(context, flight_id, places=0)
    place_flights(context, flight_id)
    run_jobs(context, LANES)
    run = reviewer.get(f"/flights/{flight_id}/change").json()["standing"]
    assert (run["kind"], run["base_flight_id"]) == ("survey", None)
    assert (run["summary"]["excess"], run["summary"]["checked"]) == (1, 1)
    excess, _ = reviewer.get(run["findings_url"][7:]).json()["items"]
    assert (excess["verdict"], excess["building_id"]) == (None, "B1")
    assert excess["figures"]["is_excess"]
    assert excess["figures"]["permitted_storeys"] == 1
    (candidate,) = list_shown(context, flight_id)
    evidence = reviewer.get(f"/candidates/{candidate}/evidence").json()
    method = reviewer.get(f"/candidates/{candidate}").json()["method"]
    assert "measured" in GROUND_METHODS[method], "no line of sight was followed"
    (register,) = evidence["evidence"]
    assert (register["kind"], register["figures"]["permitted"]) == ("register", 1)
    assert evidence["origin"] == "stock"


def test_a_new_register_is_held_against_the_heights_that_are_known(
    reviewer: TestClient,
    context: WorkerContext,
    flights: tuple[int, int],
    teller: Teller,
    engineer: TestClient,
) -> None:
    _, new = flights
    teller.changes = {"B1": UNCHANGED, "B2": UNCHANGED}
    compare(reviewer, context, new)
    layer_id = engineer.get("/layers").json()["items"][0]["id"]
    table = "建筑编号,许可层数,户主\nB1,1,某某\nB2,9,某某\n".encode()
    values = {"layer_id": layer_id, "name": "底册"}
    answer = engineer.post("/registers", data=values, files={"file": ("r.csv", table)})
    assert answer.status_code == 201, answer.text
    run_jobs(context, LANES)
    run = reviewer.get(f"/flights/{new}/change").json()["standing"]
    assert run["register_only"]
    assert (run["summary"]["excess"], run["summary"]["sigma_dz_m"]) == (1, 0.08)
    assert len(teller.tasks) == 1, "no photo was looked at again"
    first, second = reviewer.get(run["findings_url"][7:]).json()["items"]
    assert (first["building_id"], first["verdict"]) == ("B1", "unchanged")
    assert first["figures"]["is_excess"]
    assert not second["figures"]["is_excess"]
    assert first["pictures"]["before"] is not None
    evidence = reviewer.get(f"/candidates/{first['candidate_id']}/evidence").json()
    assert [each["kind"] for each in evidence["evidence"]] == ["change", "register", "photo"]

    def bring_another_and_cancel() -> None:
        wide = {"file": ("r.csv", "建筑编号,许可层数\nB1,9\n".encode())}
        assert engineer.post("/registers", data=values, files=wide).status_code == 201
        again = reviewer.get(f"/flights/{new}/change").json()["run"]
        assert reviewer.post(f"/change-runs/{again['id']}/cancel").status_code == 200

    teller.meanwhile = bring_another_and_cancel
    assert compare(reviewer, context, new)["state"] == "cancelled"
    teller.meanwhile = lambda: None
    run_jobs(context, LANES)
    last = reviewer.get(f"/flights/{new}/change").json()["standing"]
    assert (last["register_only"], last["summary"]["excess"]) == (True, 0), "nor was it forgotten"


def test_other_candidates_have_no_evidence(
    reviewer: TestClient, context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(1).id
    (cover,) = see_covers(context, flight_id, places=1)
    answer = reviewer.get(f"/candidates/{cover}/evidence").json()
    assert (answer["has_evidence"], answer["evidence"], answer["finding"]) == (False, [], None)
    assert reviewer.get("/candidates/999/evidence").status_code == 404


def _take_on(context: WorkerContext, flight_id: int, captured_at: str) -> None:
    with context.sessions.begin() as session:
        for photo in session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id)):
            photo.captured_at = captured_at
