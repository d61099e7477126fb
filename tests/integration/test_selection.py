"""What to label next: what is chosen and why, once per order, and never what has a label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from detection.selection.example import REASONS
from serving.accounts.roles import Role
from serving.db.tables import (
    AuditEventRow,
    PhotoRow,
    SelectionPickRow,
    SelectionRow,
    ShadowResultRow,
)
from serving.jobs import choosing
from serving.jobs.context import WorkerContext
from serving.web.vendor import list_missing
from tests.integration.labelling_seed import (
    WEIGHTS,
    add_candidate,
    add_flight,
    add_photo,
    draw,
    list_candidates,
)
from tests.job_runner import run_jobs

SITE = "http://testserver"
PART_OF = {reason: part for part, reason in REASONS.items()}
Order = Callable[..., dict[str, Any]]


@pytest.fixture
def order(engineer: TestClient, worker_context: WorkerContext) -> Order:
    """Return a function that orders a selection, has it made and returns it with its picks."""

    def order_and_read(**body: object) -> dict[str, Any]:
        answer = engineer.post("/selections", json={"budget": 10, "empty_share": 0} | body)
        assert answer.status_code == 202, answer.text
        run_jobs(worker_context, ["learning"])
        made: dict[str, Any] = engineer.get(f"/selections/{answer.json()['id']}").json()
        path = f"/selections/{made['id']}/picks?limit=200"
        return made | {"picks": engineer.get(path).json()["items"]}

    return order_and_read


def test_the_doubtful_the_disputed_and_the_new_come_before_the_sure(
    sessions: sessionmaker[Session], order: Order
) -> None:
    with sessions.begin() as session:
        known, new = add_flight(session), add_flight(session, camera="M3E")
        for _ in range(25):  # the old camera has labels enough
            add_candidate(session, add_photo(session, known), state="confirmed", looks=0)
        sure = add_candidate(session, add_photo(session, known), score=0.97, looks=0)
        doubtful = add_candidate(session, add_photo(session, known), score=0.31, looks=0)
        unsure = add_candidate(
            session, add_photo(session, known), score=0.97, state="unsure", looks=0
        )
        unseen = add_candidate(session, add_photo(session, new), score=0.97, looks=0)
        unlike = add_candidate(session, add_photo(session, known), score=0.97, looks=3)
        ids = {
            each.id: name
            for name, each in {
                "sure": sure,
                "doubtful": doubtful,
                "unsure": unsure,
                "unseen": unseen,
                "unlike": unlike,
            }.items()
        }
    made = order()
    assert (made["state"], made["chosen"], made["drawn"]) == ("done", 5, 0)
    picks = {ids[each["candidate_id"]]: each for each in made["picks"]}
    assert made["picks"][-1]["candidate_id"] == sure.id
    assert picks["doubtful"]["parts"]["uncertainty"] == pytest.approx(1 - 0.01 / 0.7)
    assert picks["unsure"]["parts"]["disagreement"] == 0.5
    assert picks["unsure"]["evidence"]["said"] == "unsure"
    assert picks["unseen"]["parts"]["novelty"] == 1.0
    assert (picks["unseen"]["evidence"]["new"], picks["unseen"]["evidence"]["camera"]) == (
        "camera",
        "M3E",
    )
    assert picks["sure"]["parts"]["novelty"] == 0.0
    assert picks["unlike"]["parts"]["diversity"] > 0.99 > picks["sure"]["parts"]["diversity"]
    for each in made["picks"]:
        weights = {"novelty": 0.5}
        mean = sum(value * weights.get(part, 1.0) for part, value in each["parts"].items()) / 4.5
        assert each["total"] == pytest.approx(mean)
        assert each["parts"][PART_OF[each["reason"]]] > 0


def test_a_photo_is_chosen_once_and_those_with_labels_never(
    sessions: sessionmaker[Session], order: Order
) -> None:
    with sessions.begin() as session:
        flight = add_flight(session)
        shared, decided = add_photo(session, flight), add_photo(session, flight)
        for score in (0.31, 0.6, 0.9):
            add_candidate(session, shared, score=score)
        add_candidate(session, decided, state="rejected")
        drawn = add_photo(session, flight)
        add_candidate(session, drawn)
        draw(session, drawn)
        ids = [shared.id, decided.id, drawn.id]
    made = order()
    (pick,) = made["picks"]
    assert pick["photo_id"] == ids[0]
    assert (pick["evidence"]["score"], pick["evidence"]["things"]) == (0.31, 3)
    assert made["summary"]["labelled_photos"] == 1


def test_photos_without_anything_have_a_share_and_a_shadow_model_may_speak_for_them(
    sessions: sessionmaker[Session], order: Order
) -> None:
    with sessions.begin() as session:
        flight = add_flight(session)
        for _ in range(12):
            add_candidate(session, add_photo(session, flight))
        empty = [add_photo(session, flight, lat=29.5 + number / 100) for number in range(5)]
        box = {"hazard_class": "facade_crack", "score": 0.8, "bbox_xyxy": [1, 1, 9, 9]}
        session.add(_shadow(empty[3], [box]))
        ids = [each.id for each in empty]
    made = order(empty_share=0.3)
    kinds = [each["kind"] for each in made["picks"]]
    assert kinds == ["candidate"] * 7 + ["photo"] * 3
    first = made["picks"][7]
    assert (first["photo_id"], first["reason"]) == (ids[3], "nothing_found")
    assert first["parts"]["disagreement"] == 0.8
    assert first["evidence"]["said"] == "models"
    assert {each["photo_id"] for each in made["picks"][7:]} <= set(ids)


def test_only_what_was_asked_for_is_chosen(sessions: sessionmaker[Session], order: Order) -> None:
    with sessions.begin() as session:
        old, fresh = add_flight(session, days_ago=100), add_flight(session)
        for flight in (old, fresh):
            for hazard_class in ("facade_crack", "manhole_broken"):
                add_candidate(session, add_photo(session, flight), hazard_class=hazard_class)
    picks = order(days=30, hazard_classes=["manhole_broken"])["picks"]
    assert [each["hazard_class"] for each in picks] == ["manhole_broken"]
    with sessions() as session:
        assert session.get_one(PhotoRow, picks[0]["photo_id"]).flight_id == fresh.id


def test_the_same_order_sent_twice_is_made_once_and_repeating_the_job_changes_nothing(
    sessions: sessionmaker[Session], engineer: TestClient, worker_context: WorkerContext
) -> None:
    with sessions.begin() as session:
        add_candidate(session, add_photo(session, add_flight(session)))
    headers = {"Idempotency-Key": "once"}
    answers = [
        engineer.post("/selections", json={"budget": 3}, headers=headers).json() for _ in range(2)
    ]
    assert answers[0]["id"] == answers[1]["id"]
    run_jobs(worker_context, ["learning"])
    choosing.choose(worker_context, answers[0]["id"])
    with sessions() as session:
        assert len(session.scalars(select(SelectionPickRow)).all()) == 1
        acts = session.scalars(select(AuditEventRow.act)).all()
        assert acts.count("order_selection") == 1


def test_nothing_left_is_said_by_name_and_a_candidate_that_goes_leaves_its_pick(
    sessions: sessionmaker[Session], order: Order
) -> None:
    made = order()
    assert (made["state"], made["error"]["code"]) == ("failed", "nothing_to_choose")
    assert made["error"]["remedy"]
    with sessions.begin() as session:
        add_candidate(session, add_photo(session, add_flight(session)), score=0.31)
    made = order()
    with sessions.begin() as session:
        session.delete(list_candidates(session)[0])
    with sessions() as session:
        row = session.scalars(select(SelectionPickRow)).one()
        assert (row.candidate_id, row.evidence["score"]) == (None, 0.31)


def test_what_was_sent_is_not_chosen_again(
    sessions: sessionmaker[Session],
    engineer: TestClient,
    order: Order,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pushed: list[int] = []
    monkeypatch.setattr(
        "serving.api.selection.order_push", lambda _, number, __: pushed.append(number)
    )
    with sessions.begin() as session:
        flight = add_flight(session)
        for _ in range(4):
            add_candidate(session, add_photo(session, flight))
    first = order(budget=3)
    sent = [engineer.post(f"/selections/{first['id']}/send").json()["sent_at"] for _ in range(2)]
    assert pushed == [first["id"]] * 2
    assert sent[0] is not None
    assert sent[0] == sent[1]
    second = order(budget=3)
    chosen = {each["photo_id"] for each in first["picks"]}
    assert len(second["picks"]) == 1
    assert second["picks"][0]["photo_id"] not in chosen


def test_what_is_not_made_cannot_be_sent(
    sessions: sessionmaker[Session], engineer: TestClient
) -> None:
    number = engineer.post("/selections", json={"budget": 3}).json()["id"]
    refused = engineer.post(f"/selections/{number}/send")
    assert (refused.status_code, refused.json()["code"]) == (409, "selection_not_ready")
    assert engineer.post("/selections/99/send").json()["code"] == "selection_not_found"
    assert engineer.get("/selections/99").status_code == 404
    with sessions() as session:
        assert session.get_one(SelectionRow, number).sent_at is None


def test_an_order_that_makes_no_sense_is_refused(engineer: TestClient) -> None:
    nothing = dict.fromkeys(("uncertainty", "diversity", "rarity", "disagreement", "novelty"), 0)
    for body in (
        {"budget": 0},
        {"budget": 10**6},
        {"budget": 5, "hazard_classes": ["ghost"]},
        {"budget": 5, "empty_share": 2},
        {"budget": 5, "weights": nothing},
        {"budget": 5, "weights": {"novelty": -1}},
        {"budget": 5, "seed": 1},
    ):
        assert engineer.post("/selections", json=body).status_code == 422, body


def test_engineers_order_auditors_read_and_reviewers_see_nothing(
    sign_in: Callable[[str, Role], TestClient], reviewer: TestClient
) -> None:
    auditor = sign_in("auditor", Role.AUDITOR)
    assert auditor.get("/selections").status_code == 200
    assert auditor.post("/selections", json={"budget": 3}).status_code == 403
    assert auditor.post("/selections/1/send").status_code == 403
    assert reviewer.get("/selections").status_code == 403
    assert reviewer.get(f"{SITE}/selection").status_code == 403


@pytest.mark.skipif(bool(list_missing()), reason="the third-party scripts are not set up")
def test_the_page_says_why_and_filters(
    sessions: sessionmaker[Session], engineer: TestClient, order: Order
) -> None:
    with sessions.begin() as session:
        flight = add_flight(session)
        add_candidate(session, add_photo(session, flight), score=0.31)
        add_candidate(
            session, add_photo(session, flight), score=0.97, hazard_class="manhole_broken"
        )
        add_photo(session, flight)
    made = order(empty_share=0.2)
    refused = engineer.post(f"/selections/{made['id']}/send")
    assert (refused.status_code, refused.json()["code"]) == (409, "label_studio_not_set")
    assert engineer.get(f"/selections/{made['id']}").json()["sent_at"] is None
    engineer.cookies.set("hazardlens_language", "en")
    assert f"/selection/{made['id']}" in engineer.get(f"{SITE}/selection").text
    page = engineer.get(f"{SITE}/selection/{made['id']}").text
    assert "The model is not sure: score 0.31, threshold 0.30." in page
    assert page.count('class="pick card"') == 3
    assert "found nothing in this photo" in page
    only = engineer.get(f"{SITE}/selection/{made['id']}?reason=nothing_found").text
    assert only.count('class="pick card"') == 1
    none = engineer.get(f"{SITE}/selection/{made['id']}?drawn=yes").text
    assert none.count('class="pick card"') == 0


def _shadow(photo: PhotoRow, boxes: list[dict[str, object]]) -> ShadowResultRow:
    return ShadowResultRow(
        photo_id=photo.id,
        config_hash="d" * 64,
        flight_id=photo.flight_id,
        model_name="crack",
        version="v2",
        weights_sha256=WEIGHTS,
        boxes=boxes,
    )
