"""Drift: whether scores or confirmations change by more than chance, slice by slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.api.drift_schemas import (
    DriftAlarms,
    DriftAnswer,
    DriftSliceItem,
    SeenAnswer,
    SeenRequest,
)
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.audit.log import Subject, record
from serving.deps import ModelManager, ModelReader, SessionDep
from serving.jobs.drifting import order_drift_check
from serving.learning.drift_store import (
    ShownSlice,
    count_open_alarms,
    find_latest,
    list_slices,
    mark_seen,
)

router = APIRouter(prefix="/drift", tags=["drift"])

SliceId = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.get("", responses=describe_problems())
def read_drift(_: ModelReader, session: SessionDep) -> DriftAnswer:
    """Return the latest look at all slices, alarms first."""
    latest = find_latest(session)
    if latest is None:
        return DriftAnswer(made_at=None, settings={}, summary={}, open_alarms=0, slices=[])
    shown = list_slices(session, latest.id)
    return DriftAnswer(
        made_at=latest.made_at,
        settings=latest.settings,
        summary=latest.summary,
        open_alarms=sum(each.is_open for each in shown),
        slices=[_view(each) for each in shown],
    )


@router.get("/alarms", responses=describe_problems())
def read_alarms(_: ModelReader, session: SessionDep) -> DriftAlarms:
    """Return how many alarms nobody has read yet."""
    return DriftAlarms(open_alarms=count_open_alarms(session))


@router.post("/check", status_code=202, responses=describe_problems())
def check(person: ModelManager, session: SessionDep) -> DriftAlarms:
    """Have everything looked at now; else it is done after each flight and once a day."""
    order_drift_check(session)
    record(session, person.actor, "order_drift_check", Subject("drift", "all"))
    return DriftAlarms(open_alarms=count_open_alarms(session))


@router.post("/alarms/{slice_id}/seen", status_code=201, responses=describe_problems(404))
def read_alarm(
    slice_id: SliceId, body: SeenRequest, person: ModelManager, session: SessionDep
) -> SeenAnswer:
    """Say that an alarm was read and what is done about it; it then is in no badge any more."""
    return SeenAnswer.model_validate(mark_seen(session, person.actor, slice_id, body.note))


def _view(shown: ShownSlice) -> DriftSliceItem:
    row = shown.row
    of_row = DriftSliceItem.model_fields.keys() - {"seen", "is_part"}
    columns: dict[str, object] = {name: getattr(row, name) for name in of_row}
    seen = SeenAnswer.model_validate(shown.seen) if shown.seen else None
    return DriftSliceItem.model_validate(columns | {"seen": seen, "is_part": shown.is_part})
