"""The last line of ``make bench-serving`` has the agreed shape, whatever else a part tells."""

from __future__ import annotations

import json

import pytest

from tests.bench import serving

QUEUE = {"claim_p95_ms": 3.0, "candidates": 100_000, "next_p95_ms": 2.0, "rounds": 200}
UPLOAD = {"ok": True, "bytes": 10**9, "kills": 10, "resent_bytes": 0, "pieces": 7}
FILES = {"sent": 5000, "named": 50, "accepted": 4950}
DECISIONS = {"made": 1200, "lost": 0, "doubled": 0}


def test_one_object_with_exactly_the_agreed_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, tuple[object, ...]] = {}

    def answer(name: str, figures: object) -> None:
        def measure(*given: object, **named: object) -> object:
            asked[name] = (*given, *named.values())
            return figures

        monkeypatch.setattr(serving, f"measure_{name}", measure)

    answer("queue", QUEUE)
    answer("zoom_ms", 512.5)
    answer("upload", UPLOAD)
    answer("files", FILES)
    answer("decisions", DECISIONS)
    serving.main()
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(last) == ["queue", "zoom_48mp_ms", "upload", "files", "decisions"]
    assert {name: set(last[name]) for name in serving.SHAPE} == {
        "queue": {"candidates", "next_p95_ms", "claim_p95_ms"},
        "upload": {"bytes", "kills", "resent_bytes", "ok"},
        "files": {"sent", "named", "accepted"},
        "decisions": {"made", "lost", "doubled"},
    }
    assert last["zoom_48mp_ms"] == 512.5
    assert (asked["queue"], asked["decisions"]) == ((100_000,), (1000,))
    assert asked["upload"][1:] == (10**9, 10)
    assert asked["files"][1:] == (5000, 50)
