"""The count of the crash test: what is lost and what is doubled must not look the same as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bench.deciding import count_acts
from tests.bench.scripted_reviewer import ScriptedReviewer, read_journal


def act(key: str, candidate: int, event: int, **more: object) -> dict[str, Any]:
    return {"key": key, "candidate": candidate, "event": event, "state": "saved", **more}


def row(event: int, candidate: int, key: str | None, **more: object) -> dict[str, Any]:
    plain = {"id": event, "candidate_id": candidate, "idempotency_key": key, "username": "anna"}
    return plain | {"kind": "decision", "undoes": None} | more


JOURNAL = {"a": act("a", 1, 1), "b": act("b", 2, 2)}
EVENTS = [row(1, 1, "a"), row(2, 2, "b")]


@pytest.mark.parametrize(
    ("events", "journal", "expected"),
    [
        (EVENTS, JOURNAL, (2, 0, 0)),
        (EVENTS[:1], JOURNAL, (2, 2, 0)),  # the act, and with it the candidate's decision
        ([*EVENTS, row(3, 2, "c")], JOURNAL, (2, 0, 2)),  # nobody's act, and a second decision
        (EVENTS, JOURNAL | {"c": act("c", 2, 3, state="refused")}, (2, 0, 0)),
        ([*EVENTS, row(3, 2, "c", kind="opinion")], JOURNAL | {"c": act("c", 2, 3)}, (3, 0, 0)),
        (
            [*EVENTS, row(3, 1, "u", kind="undo", undoes=1)],
            JOURNAL | {"u": act("u", 1, 3)},
            (3, 1, 0),  # undone and never decided again
        ),
    ],
)
def test_acts_are_held_against_the_journals(
    events: list[dict[str, Any]],
    journal: Mapping[str, dict[str, Any]],
    expected: tuple[int, int, int],
) -> None:
    figures = count_acts(events, {"anna": dict(journal)}, [1, 2])
    assert figures == dict(zip(("made", "lost", "doubled"), expected, strict=True))


def test_the_journal_outlives_a_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "anna.jsonl"
    reviewer = ScriptedReviewer("http://127.0.0.1:9", "anna", "x", path)
    first = reviewer.write(candidate=1, verdict="confirm")
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"key": "torn", "sta')
    reviewer.note({"key": first["key"], "state": "saved", "event": 7})
    assert read_journal(path) == {first["key"]: first | {"state": "saved", "event": 7}}
