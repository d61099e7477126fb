"""Bring the tasks of a candidate to what the acts on it say, in the transaction of the act."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy.orm import Session

from serving.db.tables import BlindTaskRow, CandidateRow, ReviewEventRow
from serving.review.blind.machine import (
    Standing,
    TaskState,
    choose_kind,
    follow_check,
    follow_second,
)
from serving.review.blind.tasks import is_asked, list_tasks, open_about
from serving.review.decision import CandidateState, Event, Verdict
from serving.review.event_rows import events_from_rows, list_events
from serving.review.reviewer import Reviewer
from serving.review.rules import load_rules

URGENT_TIER = "urgent"
_chance = secrets.SystemRandom()


def draw_number() -> float:
    """Return a random number from 0 to 1 that nobody can foresee."""
    return _chance.random()


def follow_act(session: Session, candidate_id: int) -> None:
    """Set the state of every task of a candidate from its acts, which alone are the truth."""
    tasks = list_tasks(session, candidate_id)
    if not tasks:
        return
    rows = list_events(session, candidate_id)
    events = events_from_rows(rows)
    at = {row.id: row.created_at for row in rows}
    for task in tasks:
        if task.state == TaskState.WAITING.value:
            continue
        standing = follow_task(task, events)
        if _is_asked_again(task, standing, events):
            task.about_id = None
            standing = Standing(_free_to_wait(tasks))
        task.state = standing.state.value
        task.opinion_id = standing.opinion.event_id if standing.opinion else None
        task.answered_at = at[standing.opinion.event_id] if standing.opinion else None
        task.settled_by_id = standing.settled_by.event_id if standing.settled_by else None
    session.flush()


def follow_task(task: BlindTaskRow, events: Sequence[Event]) -> Standing:
    """Return where a task stands after these acts."""
    if task.truth is not None:
        return follow_check(events, task.id, Verdict(task.truth))
    if task.about_id is None:
        return Standing(TaskState(task.state))
    return follow_second(events, task.id, task.about_id)


def open_second(
    session: Session, reviewer: Reviewer, candidate: CandidateRow, decision: ReviewEventRow
) -> None:
    """Open a second look at a decision where the rules want one.

    What an arbiter says over somebody else's decision is the last word.
    """
    is_first = decision.state_before == CandidateState.PENDING.value
    if reviewer.may_arbitrate and not is_first:
        return
    kind = choose_kind(
        Verdict(str(decision.verdict)),
        is_asked=is_asked(session, candidate.id),
        is_urgent=candidate.tier == URGENT_TIER,
        draw=draw_number(),
        share=load_rules().second_review.share,
    )
    if kind is not None:
        open_about(session, candidate, decision, kind)


def _is_asked_again(task: BlindTaskRow, standing: Standing, events: list[Event]) -> bool:
    """Whether a request stands that nobody answered, though its decision was taken back."""
    if task.asked_by is None or standing.state is not TaskState.CANCELLED:
        return False
    is_undone = any(event.undoes == task.about_id for event in events)
    return is_undone and not any(e.is_opinion and e.task_id == task.id for e in events)


def _free_to_wait(tasks: list[BlindTaskRow]) -> TaskState:
    waits = any(each.state == TaskState.WAITING.value for each in tasks)
    return TaskState.CANCELLED if waits else TaskState.WAITING
