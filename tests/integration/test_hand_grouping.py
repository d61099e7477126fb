"""Merge and split by hand: kept on every re-run, undoable, and no decision is ever lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.db.tables import FlightRow
from serving.flights.catalogue import lock_flight
from serving.jobs import hand_grouping, partition
from serving.jobs.context import WorkerContext
from serving.jobs.flights import reprocess_flight
from serving.jobs.grouping import regroup
from tests.integration.seen_covers import list_shown, see_covers

PHOTOS = 3

FlightOf = Callable[[int], FlightRow]
PROBLEM = "application/problem+json"


@pytest.fixture
def flight_id(flight_of: FlightOf) -> int:
    return flight_of(PHOTOS).id


@pytest.fixture
def covers(worker_context: WorkerContext, flight_id: int) -> list[int]:
    """Three candidates with three sightings each."""
    return see_covers(worker_context, flight_id)


def look(client: TestClient, candidate_id: int) -> dict[str, Any]:
    answer = client.get(f"/candidates/{candidate_id}")
    assert answer.status_code == 200
    return dict(answer.json())


def merge(client: TestClient, target: int, others: list[int], **changes: object) -> Response:
    body = {
        "revision": look(client, target)["revision"],
        "expected_state": look(client, target)["state"],
        "others": [{"id": each, "revision": look(client, each)["revision"]} for each in others],
    }
    answer: Response = client.post(f"/candidates/{target}/merge", json=body | changes)
    return answer


def split(client: TestClient, target: int, count: int = 1, **changes: object) -> Response:
    seen = look(client, target)
    body = {
        "revision": seen["revision"],
        "expected_state": seen["state"],
        "sightings": [each["detection_id"] for each in seen["sightings"][-count:]],
    }
    answer: Response = client.post(f"/candidates/{target}/split", json=body | changes)
    return answer


def undo(client: TestClient, act: Response) -> Response:
    answer: Response = client.post(f"/groupings/{act.json()['id']}/undo")
    return answer


def decide(client: TestClient, candidate_id: int, verdict: str, **more: object) -> Response:
    answer: Response = client.post(
        f"/candidates/{candidate_id}/decisions", json={"verdict": verdict} | more
    )
    return answer


def is_problem(answer: Response, status: int, code: str) -> bool:
    told = answer.headers["content-type"], answer.status_code, answer.json()["code"]
    return told == (PROBLEM, status, code)


def picture(client: TestClient, candidate_ids: list[int]) -> list[object]:
    """What a reviewer sees of candidates, but for the history of their grouping."""
    kept = ("id", "key", "hazard_class", "score", "state", "lon", "lat", "error_m", "merged_into")
    return [
        {name: seen[name] for name in kept}
        | {"boxes": sorted((each["photo_id"], each["detection_id"]) for each in seen["sightings"])}
        for seen in (look(client, each) for each in candidate_ids)
    ]


def shown(client: TestClient) -> dict[int, int]:
    """Number of sightings of each candidate in the queue."""
    items = client.get("/candidates").json()["items"]
    return {item["id"]: len(item["sightings"]) for item in items}


def run_again(context: WorkerContext, flight_id: int, **changes: Any) -> None:  # noqa: ANN401 - handed on
    """Process the flight anew, with a model whose boxes are a little different."""
    with context.sessions.begin() as session:
        reprocess_flight(session, flight_id)
    see_covers(context, flight_id, config_hash="d" * 64, **changes)


def regroup_now(context: WorkerContext, flight_id: int) -> None:
    with context.sessions.begin() as session:
        lock_flight(session, flight_id)
        regroup(session, context.store, flight_id)


def test_merge_makes_one_of_two_and_hides_the_other(
    reviewer: TestClient, covers: list[int]
) -> None:
    one, two, three = covers
    act = merge(reviewer, one, [two], note="same cover, shifted")
    assert act.status_code == 201
    assert act.json() | {"id": 0} == {
        "id": 0, "kind": "merge", "candidate_id": one, "candidate_ids": sorted([one, two])
    }  # fmt: skip
    assert shown(reviewer) == {one: 2 * PHOTOS, three: PHOTOS}
    assert reviewer.get("/candidates/counts").json()["pending"] == 2
    hidden = look(reviewer, two)
    assert (hidden["merged_into"], hidden["sightings"]) == (one, [])
    (told,) = look(reviewer, one)["groupings"]
    assert (told["kind"], told["others"], told["sightings"]) == ("merge", [two], PHOTOS)
    assert (told["made_by"], told["note"]) == ("reviewer", "same cover, shifted")


def test_undo_of_a_merge_brings_back_exactly_what_was(
    reviewer: TestClient, covers: list[int], worker_context: WorkerContext, flight_id: int
) -> None:
    before = picture(reviewer, covers)
    act = merge(reviewer, covers[0], covers[1:])
    assert list(shown(reviewer)) == [covers[0]]
    assert undo(reviewer, act).status_code == 200
    assert picture(reviewer, covers) == before
    regroup_now(worker_context, flight_id)
    assert picture(reviewer, covers) == before
    assert is_problem(undo(reviewer, act), 409, "already_undone")


def test_split_makes_a_pending_candidate_and_undo_takes_it_back(
    reviewer: TestClient, covers: list[int], worker_context: WorkerContext, flight_id: int
) -> None:
    before = picture(reviewer, covers)
    act = split(reviewer, covers[0])
    (new,) = set(act.json()["candidate_ids"]) - {covers[0]}
    assert shown(reviewer) == {covers[0]: 2, new: 1, covers[1]: 3, covers[2]: 3}
    assert look(reviewer, new)["state"] == "pending"
    (sighting,) = look(reviewer, new)["sightings"]
    crop = f"sightings/{sighting['detection_id']}/crop.jpg"
    assert reviewer.get(f"/candidates/{new}/{crop}").content[:2] == b"\xff\xd8"
    assert is_problem(reviewer.get(f"/candidates/{covers[0]}/{crop}"), 404, "candidate_not_found")
    regroup_now(worker_context, flight_id)
    assert shown(reviewer) == {covers[0]: 2, new: 1, covers[1]: 3, covers[2]: 3}
    assert undo(reviewer, act).status_code == 200
    assert picture(reviewer, covers) == before
    assert look(reviewer, new)["merged_into"] == covers[0]
    regroup_now(worker_context, flight_id)
    assert picture(reviewer, covers) == before


def test_merge_and_split_survive_processing_with_another_model(
    reviewer: TestClient, covers: list[int], worker_context: WorkerContext, flight_id: int
) -> None:
    one, two, three = covers
    keys = {each: look(reviewer, each)["key"] for each in covers}
    merge(reviewer, one, [two])
    (new,) = set(split(reviewer, three).json()["candidate_ids"]) - {three}
    decide(reviewer, one, "confirm")
    decide(reviewer, new, "reject")
    old_boxes = {each["detection_id"] for each in look(reviewer, one)["sightings"]}
    run_again(worker_context, flight_id, shift_px=4.0)
    assert shown(reviewer) == {one: 2 * PHOTOS, three: PHOTOS - 1, new: 1}
    assert {each: look(reviewer, each)["key"] for each in (one, three)} == {
        one: keys[one], three: keys[three]
    }  # fmt: skip
    states = [look(reviewer, each)["state"] for each in (one, three, new)]
    assert states == ["confirmed", "pending", "rejected"]
    new_boxes = {each["detection_id"] for each in look(reviewer, one)["sightings"]}
    assert old_boxes.isdisjoint(new_boxes)
    # And what was said of the old boxes can still be taken back.
    events = look(reviewer, three)["groupings"]
    answer = reviewer.post(f"/groupings/{events[0]['id']}/undo")
    assert is_problem(answer, 409, "merge_of_decided"), "the rejection would vanish"
    event = look(reviewer, one)["groupings"][0]
    assert reviewer.post(f"/groupings/{event['id']}/undo").status_code == 200
    assert shown(reviewer) == {one: PHOTOS, two: PHOTOS, three: PHOTOS - 1, new: 1}
    assert look(reviewer, one)["state"] == "confirmed"


def test_candidates_without_a_place_can_be_merged_and_stay_so(
    reviewer: TestClient, worker_context: WorkerContext, flight_id: int
) -> None:
    found = see_covers(worker_context, flight_id, places=1, is_placed=False)
    assert len(found) == PHOTOS
    assert merge(reviewer, found[0], found[1:]).status_code == 201
    assert shown(reviewer) == {found[0]: PHOTOS}
    regroup_now(worker_context, flight_id)
    assert shown(reviewer) == {found[0]: PHOTOS}


def test_decision_is_not_taken_on_what_was_merged_away(
    reviewer: TestClient, covers: list[int]
) -> None:
    one, two, three = covers
    act = merge(reviewer, one, [two])
    assert is_problem(decide(reviewer, two, "confirm"), 409, "candidate_merged")
    assert is_problem(
        decide(reviewer, three, "duplicate", duplicate_of=two), 422, "invalid_duplicate"
    )
    undo(reviewer, act)
    assert decide(reviewer, two, "confirm").status_code == 201


def test_what_was_decided_is_not_merged_away(reviewer: TestClient, covers: list[int]) -> None:
    one, two, three = covers
    decide(reviewer, two, "confirm")
    assert is_problem(merge(reviewer, one, [two]), 409, "merge_of_decided")
    # The other way round the decision stands, with the photos of both.
    assert merge(reviewer, two, [one]).status_code == 201
    assert look(reviewer, two)["state"] == "confirmed"
    assert len(look(reviewer, two)["sightings"]) == 2 * PHOTOS
    assert [item["id"] for item in reviewer.get("/hazards").json()["items"]] == [two]
    decide(reviewer, three, "duplicate", duplicate_of=two)
    assert is_problem(merge(reviewer, three, [two]), 422, "invalid_merge")


def test_nobody_merges_or_splits_what_has_changed_meanwhile(
    reviewer: TestClient, admin: TestClient, covers: list[int]
) -> None:
    one, two, three = covers
    seen = {each: look(admin, each) for each in covers}
    merge(reviewer, one, [two])
    late = {"revision": seen[one]["revision"], "others": [{"id": three, "revision": 1}]}
    assert is_problem(admin.post(f"/candidates/{one}/merge", json=late), 409, "candidate_changed")
    gone = {"revision": 1, "others": [{"id": two, "revision": seen[two]["revision"]}]}
    assert is_problem(admin.post(f"/candidates/{three}/merge", json=gone), 409, "candidate_merged")
    ids = [each["detection_id"] for each in seen[one]["sightings"]][:1]
    stale = {"revision": seen[one]["revision"], "sightings": ids}
    assert is_problem(admin.post(f"/candidates/{one}/split", json=stale), 409, "candidate_changed")
    decide(reviewer, three, "reject")
    unaware = merge(admin, three, [one], expected_state="pending")
    assert is_problem(unaware, 409, "already_decided")
    foreign = [each["detection_id"] for each in seen[three]["sightings"]][:1]
    assert is_problem(split(admin, one, sightings=foreign), 409, "candidate_changed")


@pytest.mark.parametrize("sightings", [0, PHOTOS])
def test_split_has_to_leave_something_on_both_sides(
    sightings: int, reviewer: TestClient, covers: list[int]
) -> None:
    answer = (
        split(reviewer, covers[0], count=sightings)
        if sightings
        else split(reviewer, covers[0], sightings=[])
    )
    code = "invalid_split" if sightings else "invalid_request"
    assert is_problem(answer, 422, code)
    assert len(shown(reviewer)) == 3


def test_only_things_of_one_kind_and_flight_can_be_one(
    reviewer: TestClient, worker_context: WorkerContext, flight_id: int, flight_of: FlightOf
) -> None:
    crack = {1: HazardClass.FACADE_CRACK}
    cover, wall = see_covers(worker_context, flight_id, places=2, classes=crack)
    (elsewhere,) = see_covers(worker_context, flight_of(1).id, places=1)
    for other in (wall, elsewhere, cover):
        assert is_problem(merge(reviewer, cover, [other]), 422, "invalid_merge")
    body = {"revision": 1, "others": [{"id": cover, "revision": 1}]}
    nobody = reviewer.post("/candidates/999999/merge", json=body)
    assert is_problem(nobody, 404, "candidate_not_found")


def test_of_many_at_once_exactly_one_merges(reviewer: TestClient, covers: list[int]) -> None:
    one, two, three = covers
    wishes = [(one, two), (two, three), (three, one), (two, one), (one, three), (three, two)]
    bodies = [
        (target, {"revision": 1, "others": [{"id": other, "revision": 1}]})
        for target, other in wishes
    ]
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(
            pool.map(
                lambda each: reviewer.post(f"/candidates/{each[0]}/merge", json=each[1]), bodies
            )
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    late = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in late} <= {"candidate_merged", "candidate_changed"}
    assert all(answer.headers["content-type"] == PROBLEM for answer in late)
    assert sum(shown(reviewer).values()) == 3 * PHOTOS


def test_decision_and_merge_at_the_same_moment_never_lose_the_decision(
    reviewer: TestClient, admin: TestClient, worker_context: WorkerContext, flight_id: int
) -> None:
    covers = see_covers(worker_context, flight_id, places=4)
    for target, other in (covers[:2], covers[2:]):
        with ThreadPoolExecutor(2) as pool:
            decided = pool.submit(decide, reviewer, other, "confirm")
            merged = pool.submit(merge, admin, target, [other])
        statuses = decided.result().status_code, merged.result().status_code
        assert statuses in {(201, 409), (409, 201)}
        is_confirmed = statuses == (201, 409)
        assert (look(reviewer, other)["state"] == "confirmed") is is_confirmed
        assert (look(reviewer, other)["merged_into"] is None) is is_confirmed


def test_grouping_and_hand_acts_at_the_same_moment_agree_in_the_end(
    reviewer: TestClient, covers: list[int], worker_context: WorkerContext, flight_id: int
) -> None:
    one, two, three = covers

    def regroup_often() -> None:
        for _ in range(6):
            regroup_now(worker_context, flight_id)

    with ThreadPoolExecutor(2) as pool:
        worker = pool.submit(regroup_often)
        for _ in range(2):
            act = merge(reviewer, one, [two])
            assert act.status_code == 201
            assert undo(reviewer, act).status_code == 200
        assert merge(reviewer, one, [two]).status_code == 201
        worker.result()
    assert shown(reviewer) == {one: 2 * PHOTOS, three: PHOTOS}
    regroup_now(worker_context, flight_id)
    assert shown(reviewer) == {one: 2 * PHOTOS, three: PHOTOS}


def test_same_key_is_the_same_act(reviewer: TestClient, covers: list[int]) -> None:
    one, two, three = covers
    body = {"revision": 1, "others": [{"id": two, "revision": 1}]}
    headers = {"Idempotency-Key": "act-1"}
    path = f"/candidates/{one}/merge"
    first = reviewer.post(path, json=body, headers=headers)
    assert reviewer.post(path, json=body, headers=headers).json() == first.json()
    other = {"revision": 1, "others": [{"id": three, "revision": 1}]}
    assert is_problem(
        reviewer.post(path, json=other, headers=headers), 409, "idempotency_key_reused"
    )
    undo_path = f"/groupings/{first.json()['id']}/undo"
    again = {"Idempotency-Key": "act-2"}
    done = reviewer.post(undo_path, headers=again)
    assert reviewer.post(undo_path, headers=again).json() == done.json()
    assert shown(reviewer) == dict.fromkeys(covers, PHOTOS)


def test_acts_are_taken_back_last_first_and_by_who_did_them(
    reviewer: TestClient,
    admin: TestClient,
    sign_in: Callable[[str, Role], TestClient],
    covers: list[int],
) -> None:
    one, two, three = covers
    before = picture(reviewer, covers)
    first = merge(reviewer, one, [two])
    second = merge(reviewer, three, [one])
    assert is_problem(undo(reviewer, first), 409, "grouping_superseded")
    colleague = sign_in("colleague", Role.REVIEWER)
    assert is_problem(undo(colleague, second), 403, "not_your_decision")
    assert undo(admin, second).status_code == 200
    assert shown(reviewer) == {one: 2 * PHOTOS, three: PHOTOS}
    assert undo(reviewer, first).status_code == 200
    assert picture(reviewer, covers) == before
    assert is_problem(reviewer.post("/groupings/999/undo"), 404, "grouping_not_found")


def test_who_may_only_look_may_not_group(
    engineer: TestClient, operator: TestClient, covers: list[int]
) -> None:
    body = {"revision": 1, "others": [{"id": covers[1], "revision": 1}]}
    for client in (engineer, operator):
        answer = client.post(f"/candidates/{covers[0]}/merge", json=body)
        assert is_problem(answer, 403, "forbidden")
        assert is_problem(client.post("/groupings/1/undo"), 403, "forbidden")


def test_act_that_breaks_off_leaves_nothing_behind(
    reviewer: TestClient, covers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(reviewer, covers)

    def break_off(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(partition, "put_candidate", break_off)
    assert merge(reviewer, covers[0], [covers[1]]).status_code == 500
    assert split(reviewer, covers[0]).status_code == 500
    assert picture(reviewer, covers) == before
    assert look(reviewer, covers[0])["groupings"] == []


def test_flight_that_is_being_grouped_says_so(
    reviewer: TestClient,
    covers: list[int],
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hand_grouping, "LOCK_WAIT_MS", 50)
    with sessions.begin() as session:
        session.execute(text("select id from flights for no key update"))
        assert is_problem(merge(reviewer, covers[0], [covers[1]]), 409, "flight_busy")
    assert merge(reviewer, covers[0], [covers[1]]).status_code == 201


def test_touched_candidate_stays_though_another_model_sees_nothing(
    reviewer: TestClient, covers: list[int], worker_context: WorkerContext, flight_id: int
) -> None:
    one, two, three = covers
    merge(reviewer, one, [two])
    decide(reviewer, three, "confirm")
    run_again(worker_context, flight_id, places=0)
    assert shown(reviewer) == {one: 2 * PHOTOS, three: PHOTOS}
    assert {each["is_current"] for each in look(reviewer, one)["sightings"]} == {False}
    assert list_shown(worker_context, flight_id) == [one, three]


def test_intact_views_can_be_split_off_without_a_new_candidate(
    reviewer: TestClient, worker_context: WorkerContext, flight_id: int
) -> None:
    classes = {1: HazardClass.MANHOLE_OK}
    (cover,) = see_covers(worker_context, flight_id, places=2, classes=classes)
    with worker_context.sessions.begin() as session:
        # As if the errors had brought the intact neighbour into the group.
        session.execute(
            text(
                "insert into sightings (detection_id, candidate_id, ordinal) select id, :cover, 9"
                " from detections where hazard_class = 'manhole_ok'"
            ),
            {"cover": cover},
        )
    seen = look(reviewer, cover)["sightings"]
    intact = [each["detection_id"] for each in seen if each["hazard_class"] == "manhole_ok"]
    act = split(reviewer, cover, sightings=intact)
    assert act.json()["candidate_ids"] == [cover]
    assert shown(reviewer) == {cover: PHOTOS}
    assert undo(reviewer, act).status_code == 200
    assert shown(reviewer) == {cover: 2 * PHOTOS}


@pytest.mark.parametrize(
    "statement",
    [
        "update grouping_events set kind = 'split'",
        "delete from grouping_events",
        "truncate grouping_events cascade",
    ],
)
def test_the_database_itself_refuses_to_change_acts(
    statement: str, reviewer: TestClient, covers: list[int], sessions: sessionmaker[Session]
) -> None:
    merge(reviewer, covers[0], [covers[1]])
    with sessions() as session, pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))
