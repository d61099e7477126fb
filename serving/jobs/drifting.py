"""Look whether scores and confirmations drift: after a flight, and once a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from serving.jobs.context import WorkerContext
from serving.jobs.queue import LEARNING_QUEUE, defer
from serving.learning.drift import DriftRules, judge_drift
from serving.learning.drift_rows import count_candidates
from serving.learning.drift_store import find_latest, store_check

CHECK_DRIFT: Final = "hazardlens.check_drift"
ONE_AT_A_TIME: Final = "drift"
DUE_AFTER: Final = timedelta(days=1)
"""Decisions come without flights, so what is confirmed may change without one."""

IS_WAITING = """
    select exists (
        select from procrastinate_jobs where task_name = :name and status = 'todo'
    )
"""


def order_drift_check(session: Session) -> None:
    """Order a look; one that waits already will see what there is by then."""
    if not session.scalar(text(IS_WAITING), {"name": CHECK_DRIFT}):
        defer(session, CHECK_DRIFT, lane=LEARNING_QUEUE, lock=ONE_AT_A_TIME)


def order_drift_check_if_due(session: Session) -> None:
    """Order a look where there is none yet or the latest is a day old."""
    latest = find_latest(session)
    if latest is None or datetime.now(UTC) - latest.made_at >= DUE_AFTER:
        order_drift_check(session)


def check_drift(context: WorkerContext) -> None:
    """Look at all slices and keep what was found. The draws of chance are the same every time."""
    rules, now = DriftRules(), datetime.now(UTC)
    with context.sessions.begin() as session:
        counted = count_candidates(session, rules, now)
    findings = judge_drift(counted, rules, np.random.default_rng(0))
    with context.sessions.begin() as session:
        store_check(session, findings, counted, rules, now)
