"""Which training workers there are; a page says plainly when there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.db.tables import TrainingWorkerRow

GONE_AFTER: Final = timedelta(seconds=20)
FORGOTTEN_AFTER: Final = timedelta(days=1)
START_COMMAND: Final = "make training-worker"


def show_life(session: Session, name: str, device: str) -> None:
    """Write that a worker is there, now, and forget those that went long ago."""
    now = func.clock_timestamp()
    session.execute(
        insert(TrainingWorkerRow)
        .values(name=name, device=device)
        .on_conflict_do_update(
            index_elements=[TrainingWorkerRow.name], set_={"seen_at": now, "device": device}
        )
    )
    session.execute(
        delete(TrainingWorkerRow).where(TrainingWorkerRow.seen_at < now - FORGOTTEN_AFTER)
    )


def forget_worker(session: Session, name: str) -> None:
    """Remove a worker that ends in order: the pages know at once."""
    session.execute(delete(TrainingWorkerRow).where(TrainingWorkerRow.name == name))


def list_workers(session: Session) -> list[TrainingWorkerRow]:
    """Return the training workers that showed life within the last seconds."""
    alive = TrainingWorkerRow.seen_at > func.clock_timestamp() - GONE_AFTER
    return list(
        session.scalars(select(TrainingWorkerRow).where(alive).order_by(TrainingWorkerRow.name))
    )
