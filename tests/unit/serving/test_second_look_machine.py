"""Second looks: whatever is done and undone, the task stands where a plain model says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serving.review.blind.machine import (
    TaskKind,
    TaskState,
    choose_kind,
    follow_check,
    follow_second,
)
from serving.review.decision import (
    STATE_AFTER,
    CandidateState,
    Event,
    Verdict,
    check_undo,
    current_state,
    standing_decisions,
    standing_events,
)

TASK = 7
CHECK = 8
verdicts = st.sampled_from(Verdict)


class SecondLook(RuleBasedStateMachine):
    """One candidate, its first decision, an opinion, an arbiter, others; each may undo.

    The model beside it is a stack of decisions and at most one opinion, as a person would tell
    the story; photos that come and go and people who leave change nothing in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.stack: list[Event] = []
        self.opinion: Event | None = None
        self.check_answer: Event | None = None
        self.about: Event | None = None

    def say(self, verdict: Verdict, task_id: int | None = None, *, opinion: bool = False) -> Event:
        event = Event(len(self.events) + 1, verdict, task_id=task_id, is_opinion=opinion)
        self.events.append(event)
        return event

    def expected(self) -> TaskState:
        if self.about is None or self.about not in self.stack:
            return TaskState.CANCELLED
        over = self.stack[self.stack.index(self.about) + 1 :]
        if self.opinion is None:
            return TaskState.CANCELLED if over else TaskState.OPEN
        if self.opinion.verdict is self.about.verdict:
            return TaskState.AGREED
        settled = any(event.task_id == TASK for event in over)
        return TaskState.SETTLED if settled else TaskState.DISPUTED

    @precondition(lambda self: not self.stack)
    @rule(verdict=verdicts)
    def decide_first(self, verdict: Verdict) -> None:
        self.about = self.say(verdict)
        self.opinion = None
        self.stack.append(self.about)

    @precondition(lambda self: self.expected() is TaskState.OPEN)
    @rule(verdict=verdicts)
    def give_opinion(self, verdict: Verdict) -> None:
        self.opinion = self.say(verdict, TASK, opinion=True)

    @precondition(lambda self: self.stack and self.expected() is not TaskState.DISPUTED)
    @rule(verdict=verdicts)
    def overrule(self, verdict: Verdict) -> None:
        self.stack.append(self.say(verdict))

    @precondition(lambda self: self.expected() is TaskState.DISPUTED)
    @rule(verdict=verdicts)
    def arbitrate(self, verdict: Verdict) -> None:
        self.stack.append(self.say(verdict, TASK))

    @precondition(lambda self: self.stack)
    @rule()
    def undo_decision(self) -> None:
        last = self.stack.pop()
        check_undo(self.events, last.event_id)
        self.events.append(Event(len(self.events) + 1, undoes=last.event_id))

    @precondition(lambda self: self.opinion and self.expected() is not TaskState.SETTLED)
    @rule()
    def undo_opinion(self) -> None:
        assert self.opinion is not None
        self.events.append(Event(len(self.events) + 1, undoes=self.opinion.event_id))
        self.opinion = None

    @precondition(lambda self: self.check_answer is None)
    @rule(verdict=verdicts)
    def answer_check(self, verdict: Verdict) -> None:
        self.check_answer = self.say(verdict, CHECK, opinion=True)

    @invariant()
    def opinions_never_move_the_candidate(self) -> None:
        last = self.stack[-1].verdict if self.stack else None
        expected = STATE_AFTER[last] if last else CandidateState.PENDING
        assert current_state(self.events) is expected

    @invariant()
    def task_stands_where_the_story_says(self) -> None:
        if self.about is not None:
            found = follow_second(self.events, TASK, self.about.event_id)
            assert found.state is self.expected()

    @invariant()
    def nothing_said_is_lost(self) -> None:
        undone = {event.undoes for event in self.events if event.undoes}
        standing = {event.event_id for event in standing_events(self.events)}
        said = {event.event_id for event in self.events if event.verdict}
        assert standing == said - undone
        assert {event.event_id for event in self.stack} == {
            event.event_id for event in standing_decisions(self.events)
        }

    @invariant()
    def check_is_answered_once_and_asks_only_what_is_true(self) -> None:
        found = follow_check(self.events, CHECK, Verdict.CONFIRM)
        if self.check_answer is not None:
            assert found.state is TaskState.ANSWERED
            assert found.opinion == self.check_answer
        else:
            is_true = current_state(self.events) is CandidateState.CONFIRMED
            assert (found.state is TaskState.OPEN) == is_true


TestSecondLook = SecondLook.TestCase
TestSecondLook.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(verdicts, verdicts, verdicts)
def test_each_undo_goes_back_one_step(first: Verdict, second: Verdict, third: Verdict) -> None:
    decided = [Event(1, first)]
    answered = [*decided, Event(2, second, task_id=TASK, is_opinion=True)]
    settled = [*answered, Event(3, third, task_id=TASK)]
    taken_back = [*settled, Event(4, undoes=3)]
    reopened = [*taken_back, Event(5, undoes=2)]
    cancelled = [*reopened, Event(6, undoes=1)]
    states = [
        follow_second(events, TASK, 1).state
        for events in (decided, answered, settled, taken_back, reopened, cancelled)
    ]
    agrees = first is second
    answer = TaskState.AGREED if agrees else TaskState.DISPUTED
    end = TaskState.AGREED if agrees else TaskState.SETTLED
    assert states == [TaskState.OPEN, answer, end, answer, TaskState.OPEN, TaskState.CANCELLED]


def test_an_opinion_about_an_earlier_decision_says_nothing_of_a_later_one() -> None:
    events = [
        Event(1, Verdict.CONFIRM),
        Event(2, Verdict.REJECT, task_id=TASK, is_opinion=True),
        Event(3, undoes=1),
        Event(4, Verdict.REJECT),
    ]
    assert follow_second(events, TASK, 1).state is TaskState.CANCELLED
    assert follow_second(events, TASK, 4).state is TaskState.OPEN


@pytest.mark.parametrize(
    ("verdict", "asked", "urgent", "draw", "kind"),
    [
        (Verdict.CONFIRM, False, True, 0.99, TaskKind.URGENT),
        (Verdict.REJECT, False, True, 0.99, TaskKind.URGENT),
        (Verdict.CONFIRM, False, False, 0.09, TaskKind.SAMPLE),
        (Verdict.CONFIRM, False, False, 0.1, None),
        (Verdict.UNSURE, False, True, 0.0, None),
        (Verdict.UNSURE, True, False, 0.99, TaskKind.ASKED),
        (Verdict.CONFIRM, True, True, 0.99, TaskKind.URGENT),
        (Verdict.REJECT, True, False, 0.0, TaskKind.SAMPLE),
        (Verdict.REJECT, True, False, 0.99, TaskKind.ASKED),
    ],
)
def test_why_a_decision_is_looked_at_again(
    verdict: Verdict, draw: float, kind: TaskKind | None, *, asked: bool, urgent: bool
) -> None:
    chosen = choose_kind(verdict, is_asked=asked, is_urgent=urgent, draw=draw, share=0.1)
    assert chosen is kind
