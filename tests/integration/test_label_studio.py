"""Our side of Label Studio against a stand-in: what is sent arrives once, what comes back stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import HazardLensError
from serving.audit.log import SERVICE
from serving.db.label_annotations import count_tasks, list_standing
from serving.db.tables import (
    CandidateRow,
    LabelAnnotationRow,
    LabelEventRow,
    LabelProblemRow,
    LabelProjectRow,
    LabelPushRow,
    LabelTaskRow,
    PhotoRow,
)
from serving.deps import Services
from serving.jobs import labelling
from serving.jobs.context import WorkerContext
from serving.jobs.label_orders import PushFilter, order_look_if_due, order_push_filter
from serving.labelstudio.board import Board, open_board
from serving.labelstudio.errors import (
    LabelStudioNotSetError,
    LabelStudioRefusedError,
    LabelStudioTokenError,
    LabelStudioTokenRevokedError,
    LabelStudioUnreachableError,
    NothingToPushError,
)
from serving.labelstudio.kinds import load_kinds
from serving.labelstudio.projects import set_up_projects
from serving.labelstudio.sync import Synced, pull, push, reconcile
from serving.labelstudio.tasks import key_of
from serving.labelstudio.webhook import work_off_events
from serving.settings import ServingSettings
from tests.label_studio_stand_in import StandIn, serve_stand_in
from tests.photos_to_draw import put_in_photos

PUBLIC = "http://testserver"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serve_stand_in() as found:
        yield found


@pytest.fixture
def settings(settings: ServingSettings, stand_in: StandIn) -> ServingSettings:
    given = {
        "label_studio_url": stand_in.url,
        "label_studio_token": SecretStr(stand_in.token()),
        "label_studio_public_url": PUBLIC,
    }
    return settings.model_copy(update=given)


@pytest.fixture
def board(services: Services) -> Iterator[Board]:
    with open_board(services.settings, services.sessions, services.store) as found:
        yield found


@pytest.fixture
def flight_id(services: Services) -> int:
    with services.sessions.begin() as session:
        return put_in_photos(session, services.store, 6)


def order(sessions: sessionmaker[Session], **wanted: Any) -> tuple[int, int]:  # noqa: ANN401
    with sessions.begin() as session:
        row = order_push_filter(session, PushFilter(**wanted), SERVICE)
        return row.new_tasks, row.known_tasks


@pytest.fixture
def pushed(board: Board, flight_id: int) -> list[Synced]:
    """Six photos as six tasks: three of covers, three of cracks."""
    set_up_projects(board, SERVICE)
    assert order(board.sessions, flight_id=flight_id) == (6, 0)
    return push(board)


def tasks_of(sessions: sessionmaker[Session], geometry: str = "boxes") -> list[LabelTaskRow]:
    with sessions() as session:
        statement = select(LabelTaskRow).where(LabelTaskRow.geometry == geometry)
        return list(session.scalars(statement.order_by(LabelTaskRow.id)))


def standing(sessions: sessionmaker[Session]) -> list[LabelAnnotationRow]:
    with sessions() as session:
        return list_standing(session)


def result_of(stand_in: StandIn, task_id: int) -> list[dict[str, Any]]:
    """Return what was drawn beforehand, as somebody who accepts it would submit it."""
    found: list[dict[str, Any]] = stand_in.tasks[task_id]["predictions"][0]["result"]
    return found


def board_id(row: LabelTaskRow) -> int:
    assert row.board_task_id is not None
    return row.board_task_id


def test_projects_are_made_once_and_found_again(board: Board, stand_in: StandIn) -> None:
    first = set_up_projects(board, SERVICE)
    assert [(each.geometry, each.is_new) for each in first] == [("boxes", True), ("outlines", True)]
    with board.sessions.begin() as session:  # as after a crash before the row was written
        session.execute(text("delete from label_projects"))
    again = set_up_projects(board, SERVICE)
    assert [each.project_id for each in again] == [each.project_id for each in first]
    assert len(stand_in.projects) == 2
    assert len(stand_in.webhooks) == 2
    labels = stand_in.projects[first[0].project_id]["label_config"]
    assert "井盖缺失" in labels
    assert all(f'alias="{name}"' in labels for name in load_kinds()["boxes"].classes)


def test_tasks_carry_predictions_models_scores_and_signed_pictures(
    pushed: list[Synced], stand_in: StandIn, board: Board, anonymous: TestClient
) -> None:
    assert [(each.geometry, each.sent, each.error) for each in pushed] == [
        ("boxes", 3, None),
        ("outlines", 3, None),
    ]
    task = stand_in.tasks[board_id(tasks_of(board.sessions)[0])]
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == "manhole@bbbbbbbbbbbb"
    assert prediction["score"] == max(each["score"] for each in prediction["result"])
    link = task["data"]["photo"].removeprefix(f"{PUBLIC}/api/v1")
    # Signed, so let in; the seeded file is no picture.
    assert anonymous.get(link).json()["code"] != "not_signed_in"
    forged = link.replace("until=", "until=9")
    assert anonymous.get(forged).json()["code"] == "label_link_invalid"


def test_same_order_again_sends_nothing(
    pushed: list[Synced], board: Board, stand_in: StandIn, flight_id: int
) -> None:
    del pushed
    assert order(board.sessions, flight_id=flight_id) == (0, 6)
    assert [each.sent for each in push(board)] == [0, 0]
    assert len(stand_in.tasks) == 6
    with pytest.raises(NothingToPushError):
        order(board.sessions, flight_id=flight_id, state="confirmed")


@pytest.mark.parametrize("moment", ["break_after_import", "break_before_import"])
def test_lost_answer_doubles_nothing_and_loses_nothing(
    board: Board, stand_in: StandIn, flight_id: int, moment: str
) -> None:
    set_up_projects(board, SERVICE)
    order(board.sessions, flight_id=flight_id)
    setattr(stand_in, moment, 2)
    outcomes = push(board)
    assert all(isinstance(each.error, LabelStudioUnreachableError) for each in outcomes)
    assert {row.state for row in tasks_of(board.sessions)} == {"sending"}
    assert [each.error for each in push(board)] == [None, None]
    assert len(stand_in.tasks) == 6
    assert len({key_of(task) for task in stand_in.tasks.values()}) == 6
    with board.sessions() as session:
        assert count_tasks(session).pushed == 6
        assert session.scalars(select(LabelPushRow.state)).all() == ["done"]


def test_drawn_changed_skipped_and_deleted_come_back(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    one, two, three = tasks_of(board.sessions)
    kept = stand_in.draw(board_id(one), result_of(stand_in, board_id(one)))
    stand_in.draw(board_id(two), [], was_cancelled=True)
    empty = stand_in.draw(board_id(three), [])
    pull(board)
    assert [row.state for row in tasks_of(board.sessions)] == ["drawn", "skipped", "drawn"]
    drawn = {row.annotation_id: row for row in standing(board.sessions)}
    assert set(drawn) == {kept, empty}
    assert {shape["change"] for shape in drawn[kept].shapes} == {"kept"}
    assert drawn[empty].shapes == []
    assert len(drawn[empty].dropped) == len(three.predictions)
    assert pull(board)[0].taken.new_rows == 0

    other = [dict(each) for each in result_of(stand_in, board_id(one))][:1]
    other[0]["value"] = other[0]["value"] | {"rectanglelabels": ["manhole_broken"], "rotation": 30}
    stand_in.edit(board_id(one), kept, result=other)
    stand_in.erase(board_id(three), empty)
    pull(board)
    (now_stands,) = standing(board.sessions)
    assert now_stands.shapes[0]["hazard_class"] == "manhole_broken"
    assert now_stands.shapes[0]["rotation_deg"] == 30
    assert [row.state for row in tasks_of(board.sessions)] == ["drawn", "skipped", "open"]
    with board.sessions() as session:
        kinds = session.scalars(select(LabelAnnotationRow.kind).order_by(LabelAnnotationRow.id))
        assert sorted(kinds) == ["annotated", "annotated", "annotated", "deleted", "skipped"]


def test_answer_without_annotations_deletes_nothing(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    stand_in.draw(board_id(row), [])
    pull(board)
    stand_in.tasks[board_id(row)].pop("annotations")
    assert isinstance(pull(board)[0].error, LabelStudioRefusedError)
    assert len(standing(board.sessions)) == 1


def test_several_people_are_compared_until_one_answer_has_the_star(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    drawn = result_of(stand_in, board_id(row))
    stand_in.draw(board_id(row), drawn, completed_by=1)
    second = stand_in.draw(board_id(row), [], completed_by=2)
    pull(board)
    row = tasks_of(board.sessions)[0]
    assert (row.state, row.agreement) == ("disagreeing", 0.0)
    stand_in.edit(board_id(row), second, ground_truth=True)
    pull(board)
    row = tasks_of(board.sessions)[0]
    assert (row.state, row.agreement) == ("drawn", None)
    assert [each.annotation_id for each in standing(board.sessions)] == [second]


def test_label_outside_the_taxonomy_is_named_and_what_was_there_stays(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    good = result_of(stand_in, board_id(row))
    number = stand_in.draw(board_id(row), good)
    pull(board)
    value = good[0]["value"] | {"rectanglelabels": ["井"]}
    stand_in.edit(board_id(row), number, result=[*good, good[0] | {"id": "x", "value": value}])
    assert pull(board)[0].taken.refused == 1
    (stays,) = standing(board.sessions)
    assert len(stays.shapes) == len(good)
    with board.sessions() as session:
        (problem,) = session.scalars(select(LabelProblemRow))
    assert (problem.code, problem.task_id) == ("label_outside_taxonomy", row.id)
    assert "井" in problem.message
    assert problem.remedy
    stand_in.edit(board_id(row), number, result=good[:1])
    pull(board)
    with board.sessions() as session:
        assert session.scalars(select(LabelProblemRow.mended_at)).one() is not None
    assert len(standing(board.sessions)[0].shapes) == 1


def test_deleted_task_keeps_what_was_drawn_and_an_empty_one_may_be_sent_again(
    pushed: list[Synced], board: Board, stand_in: StandIn, flight_id: int
) -> None:
    del pushed
    drawn, empty, _ = tasks_of(board.sessions)
    stand_in.draw(board_id(drawn), result_of(stand_in, board_id(drawn)))
    pull(board)
    for row in (drawn, empty):
        stand_in.tasks.pop(board_id(row))
    assert reconcile(board)[0].deleted == 2
    assert len(standing(board.sessions)) == 1
    assert order(board.sessions, flight_id=flight_id) == (1, 5)
    assert push(board)[0].sent == 1
    rows = tasks_of(board.sessions)
    assert [row.deleted_at is None for row in rows] == [False, True, True]


def test_project_that_is_gone_is_made_anew_and_nothing_drawn_is_lost(
    pushed: list[Synced], board: Board, stand_in: StandIn, flight_id: int
) -> None:
    del pushed
    drawn = tasks_of(board.sessions)[0]
    stand_in.draw(board_id(drawn), result_of(stand_in, board_id(drawn)))
    pull(board)
    with board.sessions.begin() as session:
        put_in_photos(session, board.store, 2)
    assert order(board.sessions, state="pending") == (2, 6)
    stand_in.projects.clear()
    stand_in.tasks.clear()
    errors = [each.error for each in reconcile(board)]
    assert [error.code for error in errors if error] == ["label_project_gone"] * 2
    assert [each.is_new for each in set_up_projects(board, SERVICE)] == [True, True]
    assert [each.sent for each in push(board)] == [1, 1]
    assert order(board.sessions, flight_id=flight_id) == (6, 0)
    assert [(each.sent, each.error) for each in push(board)] == [(3, None), (3, None)]
    assert len(standing(board.sessions)) == 1


def test_second_copy_is_removed_and_a_drawn_one_is_not(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    one, two, _ = tasks_of(board.sessions)
    for row in (one, two):
        copy = stand_in.number()
        fields = {"id": copy, "annotations": []}
        stand_in.tasks[copy] = stand_in.tasks[board_id(row)] | fields
    stand_in.draw(copy, result_of(stand_in, copy))
    assert reconcile(board)[0].doubled == 1
    assert copy in stand_in.tasks
    assert len(standing(board.sessions)) == 1
    assert {key_of(task) for task in stand_in.tasks.values()} >= {one.key, two.key}


def test_photo_that_is_gone_is_named_and_the_others_go(
    board: Board, stand_in: StandIn, flight_id: int
) -> None:
    set_up_projects(board, SERVICE)
    order(board.sessions, flight_id=flight_id)
    gone = tasks_of(board.sessions)[0]
    board.store.path_of(gone.photo_sha256).unlink()
    assert push(board)[0].sent == 2
    assert len(stand_in.tasks) == 5
    with board.sessions() as session:
        (problem,) = session.scalars(select(LabelProblemRow))
        assert (problem.code, problem.task_id) == ("label_photo_gone", gone.id)
    assert [row.state for row in tasks_of(board.sessions)] == ["refused", "open", "open"]


def test_what_a_person_rejected_is_not_drawn_beforehand(
    board: Board, stand_in: StandIn, flight_id: int
) -> None:
    with board.sessions.begin() as session:
        session.execute(text("update candidates set state = 'rejected'"))
    set_up_projects(board, SERVICE)
    order(board.sessions, flight_id=flight_id)
    push(board)
    assert [task["predictions"] for task in stand_in.tasks.values()] == [[]] * 6


def test_links_are_renewed_before_they_end(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    before = stand_in.tasks[board_id(row)]["data"]
    assert reconcile(board)[0].renewed == 0
    with board.sessions.begin() as session:
        due = text("update label_tasks set link_until = now() + interval '1 day' where id = :id")
        session.execute(due, {"id": row.id})
    assert reconcile(board)[0].renewed == 1
    after = stand_in.tasks[board_id(row)]["data"]
    assert before["name"] == after["name"]
    assert key_of({"data": after}) == row.key


def test_access_is_renewed_when_it_ends(board: Board, stand_in: StandIn) -> None:
    stand_in.access_lifetime_s = 20.0
    set_up_projects(board, SERVICE)
    assert stand_in.exchanges > 2


def test_wrong_and_revoked_tokens_are_named_and_nothing_is_done(
    services: Services, stand_in: StandIn
) -> None:
    revoked = stand_in.token(jti="lost")
    stand_in.revoked.add(revoked)
    told: dict[str, type[HazardLensError]] = {
        revoked: LabelStudioTokenRevokedError,
        stand_in.token(exp=1): LabelStudioTokenRevokedError,
        "x.y.z": LabelStudioTokenError,
        "an old key": LabelStudioTokenError,
        "": LabelStudioNotSetError,
    }
    for token, error in told.items():
        given = {"label_studio_token": SecretStr(token)}
        settings = services.settings.model_copy(update=given)
        with (
            pytest.raises(error) as raised,
            open_board(settings, services.sessions, services.store) as found,
        ):
            set_up_projects(found, SERVICE)
        assert raised.value.remedy
    assert stand_in.projects == {}


def test_legacy_token_is_sent_as_it_is(services: Services) -> None:
    given = {"label_studio_token": SecretStr("legacy")}
    settings = services.settings.model_copy(update=given)
    with open_board(settings, services.sessions, services.store) as found:
        assert len(set_up_projects(found, SERVICE)) == 2


def test_trouble_of_a_job_stands_where_the_page_shows_it_and_the_next_look_mends_it(
    worker_context: WorkerContext, board: Board, stand_in: StandIn, flight_id: int
) -> None:
    set_up_projects(board, SERVICE)
    order(board.sessions, flight_id=flight_id)
    stand_in.break_before_import = 2
    labelling.push_labels(worker_context)
    with board.sessions() as session:
        (order_row,) = session.scalars(select(LabelPushRow))
        assert (order_row.state, order_row.failure_code) == ("failed", "label_studio_unreachable")
        project = session.get_one(LabelProjectRow, "boxes")
        assert project.failure_code == "label_studio_unreachable"
    labelling.reconcile_labels(worker_context)
    with board.sessions() as session:
        assert session.scalars(select(LabelPushRow.state)).all() == ["done"]
        project = session.get_one(LabelProjectRow, "boxes")
        assert (project.failure_code, project.synced_at is not None) == (None, True)


def test_look_is_ordered_when_it_is_due_and_not_twice(board: Board) -> None:
    set_up_projects(board, SERVICE)
    with board.sessions.begin() as session:
        assert order_look_if_due(session, 10)
    with board.sessions.begin() as session:
        assert not order_look_if_due(session, 10)


def test_refused_webhook_is_told_and_the_rest_works(board: Board, stand_in: StandIn) -> None:
    stand_in.refuse_webhooks = True
    assert [each.has_webhook for each in set_up_projects(board, SERVICE)] == [False, False]
    with board.sessions() as session:
        codes = session.scalars(select(LabelProblemRow.code)).all()
    assert set(codes) == {"label_webhook_not_allowed"}


def test_drawings_cannot_be_changed_in_the_database(
    pushed: list[Synced], board: Board, stand_in: StandIn
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    stand_in.draw(board_id(row), [])
    pull(board)
    for statement in (
        "update label_annotations set kind = 'skipped'",
        "delete from label_annotations",
        "truncate label_annotations cascade",
    ):
        with pytest.raises(DBAPIError, match="append-only"), board.sessions.begin() as session:
            session.execute(text(statement))


def event_of(stand_in: StandIn, task_id: int, action: str = "ANNOTATION_CREATED") -> dict[str, Any]:
    task = stand_in.tasks[task_id]
    return {
        "action": action,
        "annotation": task["annotations"][-1],
        "task": {"id": task_id, "data": task["data"]},
        "project": {"id": task["project"], "title": "x"},
    }


def hook_path(board: Board, geometry: str = "boxes") -> str:
    return board.link_of_webhook(geometry).removeprefix(f"{PUBLIC}/api/v1")


def test_webhook_keeps_an_event_once_and_a_worker_takes_the_drawing_in(
    pushed: list[Synced], board: Board, stand_in: StandIn, anonymous: TestClient
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    number = stand_in.draw(board_id(row), result_of(stand_in, board_id(row)))
    event = event_of(stand_in, board_id(row))
    answers = [anonymous.post(hook_path(board), json=event) for _ in range(3)]
    assert [each.status_code for each in answers] == [202] * 3
    assert [each.json()["kept"] for each in answers] == [True, False, False]
    assert standing(board.sessions) == []
    assert work_off_events(board).new_rows == 1
    assert [each.annotation_id for each in standing(board.sessions)] == [number]
    assert work_off_events(board).new_rows == 0
    # It comes late: what counts is how the task looks by now.
    stand_in.erase(board_id(row), number)
    deleted = {
        "action": "ANNOTATIONS_DELETED",
        "annotations": [{"id": number}],
        "project": event["project"],
    }
    assert anonymous.post(hook_path(board), json=deleted).json()["kept"]
    work_off_events(board)
    assert standing(board.sessions) == []


def test_webhook_of_another_project_and_forged_ones_are_refused_by_name(
    pushed: list[Synced], board: Board, stand_in: StandIn, anonymous: TestClient
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    stand_in.draw(board_id(row), [])
    event = event_of(stand_in, board_id(row))
    told = [
        (hook_path(board), event | {"project": {"id": 999_999}}, 409, "label_webhook_project"),
        (hook_path(board, "outlines"), event, 409, "label_webhook_project"),
        ("/label-studio/webhook/" + "0" * 40, event, 403, "label_webhook_refused"),
        (hook_path(board), [1, 2], 422, "label_webhook_payload"),
        (hook_path(board), event | {"task": {"id": "x"}}, 422, "label_webhook_payload"),
    ]
    for path, body, status, code in told:
        answer = anonymous.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["remedy"]
    with board.sessions() as session:
        assert session.scalars(select(LabelEventRow.id)).all() == []


def test_events_wait_while_label_studio_is_away(
    pushed: list[Synced],
    board: Board,
    stand_in: StandIn,
    anonymous: TestClient,
    worker_context: WorkerContext,
) -> None:
    del pushed
    row = tasks_of(board.sessions)[0]
    stand_in.draw(board_id(row), [])
    anonymous.post(hook_path(board), json=event_of(stand_in, board_id(row)))
    stand_in.revoked.add(worker_context.settings.label_studio_token.get_secret_value())
    labelling.take_in_labels(worker_context)
    with board.sessions() as session:
        assert session.scalars(select(LabelEventRow.handled_at)).one() is None
        failure = session.get_one(LabelProjectRow, "boxes").failure_code
    assert failure == "label_studio_token_revoked"
    stand_in.revoked.clear()
    labelling.take_in_labels(worker_context)
    assert len(standing(board.sessions)) == 1


def test_engineer_sets_up_sends_and_looks_others_do_not(
    engineer: TestClient, reviewer: TestClient, flight_id: int, app: FastAPI
) -> None:
    del app
    for path in ("setup", "pushes", "sync"):
        assert reviewer.post(f"/label-studio/{path}", json={}).status_code == 403
    body = {"flight_id": flight_id, "limit": 4}
    answer = engineer.post("/label-studio/pushes", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "label_studio_not_set")
    made = engineer.post("/label-studio/setup").json()
    assert [each["has_webhook"] for each in made["projects"]] == [True, True]
    key = {"Idempotency-Key": "one"}
    orders = [engineer.post("/label-studio/pushes", json=body, headers=key) for _ in range(2)]
    assert [each.status_code for each in orders] == [202, 202]
    assert orders[0].json()["id"] == orders[1].json()["id"]
    assert orders[0].json()["new_tasks"] == 4
    assert engineer.post("/label-studio/sync").status_code == 202
    status = engineer.get("/label-studio/status").json()
    assert [each["waiting"] for each in status["projects"]] == [2, 2]
    selection = {"selection_id": 1, "limit": 5}
    assert engineer.post("/label-studio/pushes", json=selection).status_code == 422


def test_picture_needs_no_sign_in_and_ends(
    services: Services, anonymous: TestClient, flight_of: Callable[[int], Any], board: Board
) -> None:
    flight_of(1)
    with services.sessions() as session:
        photo = session.scalars(select(PhotoRow)).one()
    link, _ = board.link_to_photo(photo.id)
    answer = anonymous.get(link.removeprefix(f"{PUBLIC}/api/v1"))
    assert answer.status_code == 200
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert b"GPS" not in answer.content
    assert b"Exif" not in answer.content
    ended = Board(board.client, board.sessions, board.store, PUBLIC, board.secret_key, -1)
    path = ended.link_to_photo(photo.id)[0].removeprefix(f"{PUBLIC}/api/v1")
    refused = anonymous.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "label_link_expired")


def test_class_that_a_person_put_right_is_sent(
    board: Board, flight_id: int, reviewer: TestClient
) -> None:
    with board.sessions() as session:
        covers = select(CandidateRow).where(CandidateRow.hazard_class == "manhole_broken")
        candidate = session.scalars(covers.order_by(CandidateRow.id)).first()
    assert candidate is not None
    body = {"hazard_class": "manhole_missing"}
    answer = reviewer.post(f"/candidates/{candidate.id}/corrections", json=body)
    assert answer.status_code < 300, answer.text
    set_up_projects(board, SERVICE)
    order(board.sessions, flight_id=flight_id)
    push(board)
    with board.sessions() as session:
        rows = session.scalars(select(LabelTaskRow).where(LabelTaskRow.geometry == "boxes"))
        sent = {
            each["detection_id"]: each["hazard_class"] for row in rows for each in row.predictions
        }
        detection = session.get_one(CandidateRow, candidate.id).sightings[0].detection_id
    assert sent[detection] == "manhole_missing"
