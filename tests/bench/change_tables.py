"""Tables for people of what the rendered pairs gave."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.bench.change_pairs import PairResult
from tests.bench.change_tally import Row, count_kinds, measure_errors, measure_reliability


def say(line: str) -> None:
    """Write a line for people."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say_pair(result: PairResult) -> None:
    """Write what one pair cost and gave."""
    if result.error is not None:
        say(f"{result.name}: {result.error}")
        return
    due = [row for row in result.rows if row.is_due]
    found, false = sum(row.is_found for row in due), sum(row.is_false for row in result.rows)
    say(
        f"{result.name}: {len(result.rows)} houses, {found} of {len(due)} rises, {false} false, "
        f"sigma dz {result.sigma_dz_m or 0:.3f} m, {result.seconds:.0f} s, {result.peak_mb} MB"
    )


def say_mistakes(rows: Sequence[Row]) -> None:
    """Write every house that was missed, claimed falsely or could not be told."""
    say(f"{'pair':10s} {'house':6s} {'kind':13s} {'true m':>7s} {'area':>6s} said")
    for row in rows:
        is_missed = (row.is_due or row.kind == "demolished") and not row.is_found
        if is_missed or row.is_false or (row.is_well_covered and row.reason is not None):
            say(
                f"{row.pair:10s} {row.building_id:6s} {row.kind:13s} {row.rise_m:7.2f} "
                f"{row.area_m2:6.1f} {describe(row)}"
            )


def describe(row: Row) -> str:
    """Return what was said of a house."""
    said = f"{row.verdict.value} {row.reason or ''}"
    if row.found_m is None:
        return said
    return f"{said}{row.found_m:+.2f} ± {row.std_m or 0:.2f} m, {row.found_area_m2 or 0:.0f} m2"


def say_rendered(results: Sequence[PairResult]) -> None:
    """Write the tables of the rendered pairs."""
    rows = [row for result in results for row in result.rows]
    say_mistakes(rows)
    for kind, verdicts in count_kinds(rows).items():
        say(f"{kind:13s} " + ", ".join(f"{count} {name}" for name, count in verdicts.items()))
    errors = sorted(measure_errors(rows))
    if errors:
        say(f"height gained: {errors[int(0.95 * (len(errors) - 1))]:.2f} m off at the 95th percent")
    say(f"stated deviation: {measure_reliability(rows)}")
    if results:
        seconds = max(result.seconds for result in results)
        say(f"a pair: {seconds:.0f} s, {max(result.peak_mb for result in results)} MB at most")
