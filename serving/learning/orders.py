"""Orders for the training lane as rows: found, listed, locked; the files that they left."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import TrainingOrderRow
from serving.learning.order_errors import TrainingOrderNotFoundError
from serving.review.errors import KeyReusedError

OPEN_STATES: Final = ("queued", "running")
RESUMABLE_STATES: Final = ("failed", "cancelled")
ORDERS_DIR: Final = "training"
LOG_FILE: Final = "log.txt"
TAIL_BYTES: Final = 24_000


def folder_of(data_dir: Path, order_id: int) -> Path:
    """Return the folder that holds what an order works on and leaves."""
    return data_dir / ORDERS_DIR / str(order_id)


def get_order(session: Session, order_id: int) -> TrainingOrderRow:
    """Return an order as the database has it now.

    Raises:
        TrainingOrderNotFoundError: there is none with this number.
    """
    row = session.get(TrainingOrderRow, order_id, populate_existing=True)
    if row is None:
        raise TrainingOrderNotFoundError(order_id)
    return row


def lock_order(session: Session, order_id: int) -> TrainingOrderRow:
    """Return an order that nobody else changes until the transaction ends.

    Raises:
        TrainingOrderNotFoundError: there is none with this number.
    """
    row = session.get(TrainingOrderRow, order_id, populate_existing=True, with_for_update=True)
    if row is None:
        raise TrainingOrderNotFoundError(order_id)
    return row


def find_open_order(session: Session, kind: str, subject: str) -> TrainingOrderRow | None:
    """Return the order of a kind for a subject that waits or is being worked on."""
    return session.scalar(
        select(TrainingOrderRow).where(
            TrainingOrderRow.kind == kind,
            TrainingOrderRow.subject == subject,
            TrainingOrderRow.state.in_(OPEN_STATES),
        )
    )


def find_by_key(
    session: Session, user_id: int | None, key: str | None, act: tuple[str, str]
) -> TrainingOrderRow | None:
    """Return the order that a client sent before under the same name of the act.

    ``act`` is kind and subject of what is ordered now.

    Raises:
        KeyReusedError: the key names another act.
    """
    if key is None:
        return None
    earlier = session.scalar(
        select(TrainingOrderRow).where(
            TrainingOrderRow.requested_by == user_id, TrainingOrderRow.idempotency_key == key
        )
    )
    if earlier is not None and (earlier.kind, earlier.subject) != act:
        raise KeyReusedError
    return earlier


def list_orders(
    session: Session,
    *,
    kind: str | None = None,
    limit: int = 50,
    before_id: int | None = None,
) -> list[TrainingOrderRow]:
    """Return orders, the latest first."""
    statement = select(TrainingOrderRow).order_by(TrainingOrderRow.id.desc()).limit(limit)
    if kind is not None:
        statement = statement.where(TrainingOrderRow.kind == kind)
    if before_id is not None:
        statement = statement.where(TrainingOrderRow.id < before_id)
    return list(session.scalars(statement))


def find_last_done(session: Session, kind: str, subject: str) -> TrainingOrderRow | None:
    """Return the latest order of a kind for a subject that ended well."""
    return session.scalar(
        select(TrainingOrderRow)
        .where(
            TrainingOrderRow.kind == kind,
            TrainingOrderRow.subject == subject,
            TrainingOrderRow.state == "done",
        )
        .order_by(TrainingOrderRow.id.desc())
        .limit(1)
    )


def count_waiting(session: Session, order: TrainingOrderRow) -> int:
    """Return how many open orders are worked on before this one."""
    wanted = (TrainingOrderRow.state.in_(OPEN_STATES), TrainingOrderRow.id < order.id)
    return session.scalars(select(func.count()).where(*wanted)).one()


def read_tail(path: Path, size: int = TAIL_BYTES) -> str:
    """Return the end of a log, from the beginning of a line; nothing where there is none yet."""
    try:
        with path.open("rb") as stream:
            whole = stream.seek(0, 2)
            stream.seek(max(0, whole - size))
            content = stream.read()
    except OSError:
        return ""
    text = content.decode("utf-8", errors="replace").replace("\r", "\n")
    return text if whole <= size else text.partition("\n")[2]


def find_training_of(session: Session, model: str, version: str) -> TrainingOrderRow | None:
    """Return the training that made a version of a model, where it was ordered here."""
    return session.scalar(
        select(TrainingOrderRow)
        .where(
            TrainingOrderRow.kind == "retrain",
            TrainingOrderRow.subject == model,
            TrainingOrderRow.result["version"].astext == version,
        )
        .order_by(TrainingOrderRow.id.desc())
        .limit(1)
    )
