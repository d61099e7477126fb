"""Whether the service can work; open to everybody, says nothing of the data."""

from __future__ import annotations

from importlib import metadata
from typing import Literal

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from serving.api.schemas import HealthAnswer
from serving.db.engine import can_answer
from serving.deps import ServicesDep
from serving.jobs.heartbeat import seconds_since_heartbeat

router = APIRouter(tags=["health"])

WorkerState = Literal["ok", "absent", "stalled", "unknown"]


@router.get("/health", responses={503: {"model": HealthAnswer}})
def read_health(services: ServicesDep, response: Response) -> HealthAnswer:
    """Ask the database, and look when a worker last showed life; 503 without a database."""
    response.headers["Cache-Control"] = "no-store"
    if not can_answer(services.engine):
        response.status_code = 503
        return _answer("unavailable", "unknown", None)
    try:
        age_s = seconds_since_heartbeat(services.engine)
    except SQLAlchemyError:
        response.status_code = 503
        return _answer("unavailable", "unknown", None)
    if age_s is None:
        return _answer("ok", "absent", None)
    stalled = age_s > services.settings.stalled_after_s
    return _answer("ok", "stalled" if stalled else "ok", age_s)


def _answer(
    database: Literal["ok", "unavailable"], worker: WorkerState, age_s: float | None
) -> HealthAnswer:
    return HealthAnswer(
        status="ok" if (database, worker) == ("ok", "ok") else "degraded",
        database=database,
        worker=worker,
        worker_heartbeat_s=None if age_s is None else round(max(0.0, age_s), 1),
        version=metadata.version("hazardlens"),
    )
