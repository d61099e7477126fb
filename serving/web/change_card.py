"""What the page of a flight says about comparisons with earlier flights and about its baseline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.api.change_schemas import RunAnswer
from serving.api.change_views import view_run
from serving.api.schemas import FlightFailure
from serving.db.tables import FlightRow
from serving.flights.catalogue import get_flight
from serving.flights.change import find_latest_run, find_standing_run
from serving.flights.change_epochs import count_new_and_stock, find_epochs
from serving.flights.change_errors import ChangeNoLayerError
from serving.jobs.change_orders import check_can_start
from serving.web.change_labels import DIRECTIONS, FIGURES, PAIR_STAGES, STAGES
from serving.web.coverage_card import percent
from serving.web.rendering import Words

LIVE_POLL_S: Final = 2
ARRIVAL_POLL_S: Final = 6
AFTER_ARRIVAL: Final = timedelta(minutes=2)
"""So long after a flight is done its comparison may be still to be ordered."""

Explained = tuple[str, str]
"""What happened and what to do, in the language of the page."""


@dataclass(frozen=True, slots=True)
class EpochView:
    """Where a flight stands: a baseline itself, or one of a later date with its baseline."""

    is_baseline: bool
    baseline: FlightRow | None
    overlap: str


@dataclass(frozen=True, slots=True)
class StartProblem:
    """Why no comparison can be begun, what to do, and whether that is to import buildings."""

    message: str
    remedy: str
    needs_layer: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """A comparison as people read it; ``step`` of ``steps`` is being done."""

    run: RunAnswer
    step: int
    steps: int
    stage: str
    elapsed: str
    failure: Explained | None

    @property
    def is_live(self) -> bool:
        """Whether it waits or is being made."""
        return self.run.state in {"queued", "running"}


def load_change_card(session: Session, words: Words, flight: FlightRow) -> dict[str, object]:
    """Return what the template shows of the comparisons of a flight.

    Cheap enough to be polled: with which flights it may be compared is asked for when somebody
    wants to choose.
    """
    latest = find_latest_run(session, flight.id)
    standing = find_standing_run(session, flight.id)
    run = None if latest is None else view_run_card(words, view_run(session, latest))
    is_live = run is not None and run.is_live
    return {
        "poll_s": LIVE_POLL_S if is_live else ARRIVAL_POLL_S if _may_begin(flight) else None,
        "change_flight": flight,
        "epoch": find_epoch_view(session, flight.id),
        "origins": count_new_and_stock(session, [flight.id]).get(flight.id),
        "change_run": run,
        "standing": None if standing is None else view_run(session, standing),
        "start_problem": None if is_live else find_start_problem(session, words, flight.id),
    }


def _may_begin(flight: FlightRow) -> bool:
    """Whether a comparison may begin by itself any moment: the flight arrives, or just did."""
    if flight.state in {"queued", "processing"}:
        return True
    ended = flight.finished_at
    return ended is not None and datetime.now(UTC) - ended < AFTER_ARRIVAL


def find_epoch_view(session: Session, flight_id: int) -> EpochView | None:
    """Return where a flight stands; None where nobody can say, as from the street."""
    epoch = find_epochs(session, [flight_id]).get(flight_id)
    if epoch is None:
        return None
    base_id = epoch.baseline_flight_id
    return EpochView(
        is_baseline=epoch.is_baseline,
        baseline=None if base_id is None else get_flight(session, base_id),
        overlap=percent(epoch.overlap_share or 0.0),
    )


def view_run_card(words: Words, run: RunAnswer) -> RunView:
    """Return a comparison with its words."""
    names = [name for name in STAGES if run.kind == "compare" or name not in PAIR_STAGES]
    error = run.error
    return RunView(
        run=run,
        step=names.index(run.stage) + 1 if run.stage in names else 0,
        steps=len(names),
        stage=words.label(STAGES, run.stage) if run.stage else "",
        elapsed=words.describe_duration(run.elapsed_s) if run.elapsed_s is not None else "",
        failure=explain_failure(words, error) if error else None,
    )


def explain_failure(words: Words, failure: FlightFailure) -> Explained:
    """Return why a comparison failed, with the figures of the stored message, and what to do."""
    message, remedy = words.explain(failure.code, failure.message, failure.remedy)
    pattern, text = FIGURES.get(failure.code, ("", ""))
    found = re.search(pattern, failure.message) if pattern else None
    if found is None:
        return message, remedy
    figures = {name: words.label(DIRECTIONS, part) for name, part in found.groupdict().items()}
    return words.translate(text, **figures), remedy


def find_start_problem(session: Session, words: Words, flight_id: int) -> StartProblem | None:
    """Return why no comparison can be begun now; None where one can."""
    try:
        check_can_start(session, flight_id)
    except HazardLensError as error:
        explained = words.explain(error.code, error.message, error.remedy)
        return StartProblem(*explained, needs_layer=isinstance(error, ChangeNoLayerError))
    return None
