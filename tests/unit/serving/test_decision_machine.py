"""The decision machine: never loses a decision, undo restores exactly the state before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.review.decision import (
    STATE_AFTER,
    CandidateState,
    Event,
    Verdict,
    check_decision,
    check_undo,
    current_state,
    standing_decisions,
)
from serving.review.errors import AlreadyDecidedError, AlreadyUndoneError, DecisionSupersededError

# An act is a verdict, or None for "undo the last standing decision".
acts = st.lists(st.one_of(st.sampled_from(Verdict), st.none()), max_size=30)


def play(script: list[Verdict | None]) -> tuple[list[Event], list[CandidateState]]:
    """Return the events of a script, and a plain stack of states as the second opinion."""
    events: list[Event] = []
    stack = [CandidateState.PENDING]
    for act in script:
        number = len(events) + 1
        if act is not None:
            check_decision(events, current_state(events))
            events.append(Event(number, verdict=act))
            stack.append(STATE_AFTER[act])
        elif len(stack) > 1:
            last = standing_decisions(events)[-1].event_id
            check_undo(events, last)
            events.append(Event(number, undoes=last))
            stack.pop()
    return events, stack


@given(acts)
def test_state_is_always_that_of_a_plain_undo_stack(script: list[Verdict | None]) -> None:
    events, stack = play(script)
    assert current_state(events) is stack[-1]


@given(acts)
def test_no_decision_is_ever_lost(script: list[Verdict | None]) -> None:
    events, _ = play(script)
    decisions = [event.event_id for event in events if event.verdict]
    undone = {event.undoes for event in events if event.undoes}
    standing = {event.event_id for event in standing_decisions(events)}
    assert standing | undone == set(decisions)
    assert not standing & undone


@given(acts, st.sampled_from(Verdict))
def test_undo_restores_exactly_the_state_before(
    script: list[Verdict | None], verdict: Verdict
) -> None:
    events, _ = play(script)
    before = current_state(events)
    decided = [*events, Event(1000, verdict=verdict)]
    undone = [*decided, Event(1001, undoes=1000)]
    assert current_state(undone) is before
    with pytest.raises(AlreadyUndoneError):
        check_undo(undone, 1000)


@given(acts, st.sampled_from([None, *CandidateState]))
def test_decision_needs_the_state_that_is(
    script: list[Verdict | None], expected: CandidateState | None
) -> None:
    events, _ = play(script)
    if (expected or CandidateState.PENDING) is current_state(events):
        check_decision(events, expected)
    else:
        with pytest.raises(AlreadyDecidedError):
            check_decision(events, expected)


def test_only_the_last_standing_decision_can_be_undone() -> None:
    events = [Event(1, verdict=Verdict.CONFIRM), Event(2, verdict=Verdict.REJECT)]
    with pytest.raises(DecisionSupersededError):
        check_undo(events, 1)
    check_undo(events, 2)
