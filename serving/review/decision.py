"""The decision machine, pure: a list of events says what state a candidate is in.

Rules: the state is what the last standing decision says; without one it is ``pending``. A
decision on a candidate that is not pending has to name the state it was made in
(``expected_state``), so that nobody overrules a colleague unawares. Undo takes back the last
standing decision, and with it exactly the state before. Nothing is ever removed from the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from serving.review.errors import AlreadyDecidedError, AlreadyUndoneError, DecisionSupersededError


class Verdict(StrEnum):
    """What a reviewer may say of a candidate."""

    CONFIRM = "confirm"
    REJECT = "reject"
    UNSURE = "unsure"
    DUPLICATE = "duplicate"


class CandidateState(StrEnum):
    """Where a candidate stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    UNSURE = "unsure"
    DUPLICATE = "duplicate"


STATE_AFTER = {
    Verdict.CONFIRM: CandidateState.CONFIRMED,
    Verdict.REJECT: CandidateState.REJECTED,
    Verdict.UNSURE: CandidateState.UNSURE,
    Verdict.DUPLICATE: CandidateState.DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One act: a decision or an opinion (``verdict``), or the undoing of one (``undoes``).

    An opinion is said in a blind task (``task_id``) and never changes the state; a decision that
    names a task settles the dispute there.
    """

    event_id: int
    verdict: Verdict | None = None
    undoes: int | None = None
    task_id: int | None = None
    is_opinion: bool = False


def standing_events(events: Sequence[Event]) -> list[Event]:
    """Return the decisions and opinions that were not undone, oldest first."""
    undone = {event.undoes for event in events if event.undoes is not None}
    return [event for event in events if event.verdict and event.event_id not in undone]


def standing_decisions(events: Sequence[Event]) -> list[Event]:
    """Return the decisions that were not undone, oldest first."""
    return [event for event in standing_events(events) if not event.is_opinion]


def current_state(events: Sequence[Event]) -> CandidateState:
    """Return the state that the events lead to."""
    standing = standing_decisions(events)
    last = standing[-1].verdict if standing else None
    return STATE_AFTER[last] if last else CandidateState.PENDING


def check_decision(events: Sequence[Event], expected_state: CandidateState | None) -> None:
    """Whether a new decision may be made now.

    Raises:
        AlreadyDecidedError: the candidate is in another state than the reviewer saw.
    """
    state = current_state(events)
    if state is not (expected_state or CandidateState.PENDING):
        message = f"This candidate is {state.value} already."
        remedy = f'Look again; to overrule, send "expected_state": "{state.value}".'
        raise AlreadyDecidedError(message, remedy=remedy)


def check_undo(events: Sequence[Event], decision_id: int) -> None:
    """Whether the decision with this id may be undone now.

    Raises:
        AlreadyUndoneError: it was undone before.
        DecisionSupersededError: a later decision stands.
    """
    check_not_undone(events, decision_id)
    standing = standing_decisions(events)
    if not standing or standing[-1].event_id != decision_id:
        message = f"A later decision than {decision_id} stands."
        raise DecisionSupersededError(message, remedy="Undo the later decision first.")


def check_not_undone(events: Sequence[Event], decision_id: int) -> None:
    """Whether the decision or opinion with this id still stands.

    Raises:
        AlreadyUndoneError: it was undone before.
    """
    if any(event.undoes == decision_id for event in events):
        message = f"Decision {decision_id} was undone already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
