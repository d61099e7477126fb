"""Orders for the training lane, as they are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from serving.api.schemas import FlightFailure
from serving.api.training_schemas import OrderAnswer
from serving.db.tables import TrainingOrderRow
from serving.jobs.training_commands import REPORT, RUN
from serving.learning.orders import OPEN_STATES, RESUMABLE_STATES, folder_of


def view_order(row: TrainingOrderRow, data_dir: Path | None = None) -> OrderAnswer:
    """Return an order as it is shown; with ``data_dir`` its report is looked for."""
    path = f"/api/v1/training/orders/{row.id}"
    has_report = data_dir is not None and report_of(data_dir, row.id).is_file()
    return OrderAnswer(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        state=row.state,  # type: ignore[arg-type]  # the database knows these states only
        stage=row.stage if row.state == "running" else None,
        done=row.done,
        total=row.total,
        seconds_left=row.seconds_left,
        parameters=row.parameters,
        reason=row.reason,
        result=row.result,
        error=_view_failure(row),
        requested_by=row.username,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        elapsed_s=_elapsed(row),
        can_cancel=row.state in OPEN_STATES,
        can_resume=row.state in RESUMABLE_STATES,
        log_url=f"{path}/log.txt",
        report_url=f"{path}/report.json" if has_report else None,
    )


def report_of(data_dir: Path, order_id: int) -> Path:
    """Return where the report of a training lies, if there is one."""
    return folder_of(data_dir, order_id) / RUN / REPORT


def _view_failure(row: TrainingOrderRow) -> FlightFailure | None:
    if row.failure_code is None:
        return None
    return FlightFailure(
        code=row.failure_code, message=row.failure_message or "", remedy=row.failure_remedy or ""
    )


def _elapsed(row: TrainingOrderRow) -> float | None:
    if row.started_at is None:
        return None
    return round(((row.finished_at or datetime.now(UTC)) - row.started_at).total_seconds(), 1)
