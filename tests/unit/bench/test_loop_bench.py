"""The last line of ``make bench-loop``: its shape, and null with a reason for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detection.domain.errors import InvalidInputError
from tests.bench import loop
from tests.bench.loop_budgets import list_rows
from training.settings import SHARED_VARIABLE
from training.simulation import RoundResult
from training.simulation.plan import CRACKS


def make_result(strategy: str, seed: int, fraction: float, figure: float) -> RoundResult:
    return RoundResult(
        "cracks",
        strategy,
        seed,
        fraction,
        (),
        {},
        {"facade_crack": figure, "other": figure - 0.1, "unseen": None},
        figure,
        1.0,
    )


def test_rows_are_means_of_the_seeds_with_a_common_start() -> None:
    results = [
        make_result(name, seed, fraction, figure + 0.1 * seed)
        for seed in (0, 1)
        for name, fraction, figure in (
            ("start", 0.1, 0.2),
            ("selected", 0.2, 0.4),
            ("random", 0.2, 0.3),
            ("full", 1.0, 0.5),
        )
    ]
    start, second, missing = list_rows(CRACKS, results)
    assert (start["selected_ap50"], start["random_ap50"]) == (0.25, 0.25)
    assert (second["selected_ap50"], second["random_ap50"]) == (0.45, 0.35)
    assert second["selected_runs"] == [0.4, 0.5]
    assert (second["selected_ap50_all_classes"], second["full_ap50_all_classes"]) == (0.4, 0.5)
    assert (second["full_ap50"], second["full_runs"]) == (0.55, [0.5, 0.6])
    assert missing["selected_ap50"] is missing["random_ap50"] is None


def test_part_that_cannot_be_measured_is_null_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse() -> dict[str, object]:
        message = "No server is there."
        raise InvalidInputError(message, remedy="Start it.")

    def skip() -> dict[str, object]:
        return {"skipped": "No server is there. Start it."}

    for measure in (refuse, skip):
        assert loop.tell_part("roundtrip", measure) is None
        said = capsys.readouterr().out
        assert said == "roundtrip: not measured: No server is there. Start it.\n"


def test_last_line_holds_every_part_and_only_what_is_asked_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures = {"tasks": 3, "seconds": 0.5, "changed_labels": 0, "server": "left out"}
    monkeypatch.setattr(loop, "measure_roundtrip", lambda: figures)
    monkeypatch.setenv(SHARED_VARIABLE, str(tmp_path))
    monkeypatch.setattr("sys.argv", ["loop", "--only", "roundtrip", "--only", "budgets"])
    loop.main()
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {
        "budgets": None,
        "roundtrip": {"tasks": 3, "seconds": 0.5, "changed_labels": 0},
        "false_alarms": None,
    }
