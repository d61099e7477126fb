"""Trainings and changes of models that people ordered, and the workers that can train."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class TrainingOrderRow(Base):
    """One thing that somebody ordered: to train a model anew, to promote one, to roll back.

    ``kind`` says what is done, ``subject`` to what (a model, a data set), ``parameters`` how.
    ``stage`` is the present step with ``done`` of ``total``, ``seconds_left`` what the command
    itself estimates. ``attempts`` counts the beginnings that nobody ended in order. ``result`` is
    what came of it, ``reason`` why the person wanted it. Its files lie in the folder
    ``training/<id>`` of the data folder.
    """

    __tablename__ = "training_orders"
    __table_args__ = (
        CheckConstraint(
            "state in ('queued','running','done','failed','cancelled')", name="order_state_known"
        ),
        Index(
            "order_open_once",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("state in ('queued','running')"),
        ),
        UniqueConstraint("requested_by", "idempotency_key", name="order_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)
    subject: Mapped[str] = mapped_column(String(160))
    parameters: Mapped[dict[str, object]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(Text, server_default="")
    state: Mapped[str] = mapped_column(String(16), server_default="queued")
    stage: Mapped[str | None] = mapped_column(String(40))
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int] = mapped_column(server_default=text("0"))
    seconds_left: Mapped[float | None] = mapped_column(Float)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    result: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    started_at: Mapped[datetime | None] = mapped_column(AWARE)
    finished_at: Mapped[datetime | None] = mapped_column(AWARE)


class TrainingWorkerRow(Base):
    """A process that works off the lane ``training``; one that is not seen for long has gone."""

    __tablename__ = "training_workers"

    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    device: Mapped[str] = mapped_column(String(160), server_default="")
    started_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    seen_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
