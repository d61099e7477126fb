"""The machine of a second look, pure: the acts on a candidate say in what state its task is.

A task is about one decision. It is open until somebody says their opinion; the same verdict agrees
and ends it, another one is a dispute, which a decision by an arbiter settles. Whatever is undone
is as if it had not been: the opinion taken back opens the task again, the arbiter's decision taken
back the dispute, and with the decision that it is about taken back a task is cancelled. A decision
of somebody else over the first one, made while nobody has answered, cancels the task too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from serving.review.decision import (
    STATE_AFTER,
    Event,
    Verdict,
    current_state,
    standing_events,
)


class TaskKind(StrEnum):
    """Why somebody is to look."""

    URGENT = "urgent"
    SAMPLE = "sample"
    ASKED = "asked"
    CHECK = "check"


class TaskState(StrEnum):
    """Where a task stands; ``waiting``: for a first decision, ``answered``: of a check."""

    WAITING = "waiting"
    OPEN = "open"
    AGREED = "agreed"
    DISPUTED = "disputed"
    SETTLED = "settled"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


UNSETTLED = frozenset({TaskState.WAITING, TaskState.OPEN, TaskState.DISPUTED})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a task stands, with the acts that brought it there."""

    state: TaskState
    opinion: Event | None = None
    settled_by: Event | None = None


def follow_second(events: Sequence[Event], task_id: int, about_id: int) -> Standing:
    """Return where a second look at decision ``about_id`` stands after these acts."""
    standing = standing_events(events)
    first = next((each for each in standing if each.event_id == about_id), None)
    if first is None:
        return Standing(TaskState.CANCELLED)
    opinion = _last_opinion(standing, task_id, after=about_id)
    later = [each for each in standing if not each.is_opinion and each.event_id > about_id]
    if opinion is None:
        return Standing(TaskState.CANCELLED if later else TaskState.OPEN)
    if opinion.verdict is first.verdict:
        return Standing(TaskState.AGREED, opinion)
    settling = next((each for each in later if each.task_id == task_id), None)
    if settling is not None:
        return Standing(TaskState.SETTLED, opinion, settling)
    return Standing(TaskState.DISPUTED, opinion)


def follow_check(events: Sequence[Event], task_id: int, truth: Verdict) -> Standing:
    """Return where a check stands after these acts.

    It asks only as long as the candidate is what the check holds for true: one whose decision was
    taken back is to be decided in earnest.
    """
    opinion = _last_opinion(standing_events(events), task_id)
    if opinion is not None:
        return Standing(TaskState.ANSWERED, opinion)
    is_true = current_state(events) is STATE_AFTER[truth]
    return Standing(TaskState.OPEN if is_true else TaskState.CANCELLED)


def choose_kind(
    verdict: Verdict, *, is_asked: bool, is_urgent: bool, draw: float, share: float
) -> TaskKind | None:
    """Return why a first decision is to be looked at again, None where it is not.

    ``draw`` is a random number from 0 to 1. What would have been drawn anyway is no request, so
    that agreement is measured on what nobody chose for being doubtful. A candidate put aside as
    unsure is not decided: whoever takes it up next is its second pair of eyes, unless somebody
    asked.
    """
    asked = TaskKind.ASKED if is_asked else None
    if verdict is Verdict.UNSURE:
        return asked
    if is_urgent:
        return TaskKind.URGENT
    return TaskKind.SAMPLE if draw < share else asked


def _last_opinion(standing: Sequence[Event], task_id: int, *, after: int = 0) -> Event | None:
    own = [each for each in standing if each.is_opinion and each.task_id == task_id]
    own = [each for each in own if each.event_id > after]
    return own[-1] if own else None
