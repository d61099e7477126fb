"""Two reviewers and a queue, everything killed once: no decision twice, none lost, undo exact."""

from __future__ import annotations

from tests.bench.deciding import measure_decisions

CANDIDATES = 40


def test_nothing_is_lost_or_doubled_when_everything_is_killed_once() -> None:
    figures = measure_decisions(CANDIDATES, kills_of_each=1, flights=1)
    assert figures.pop("made") >= CANDIDATES
    assert figures == {"lost": 0, "doubled": 0}
