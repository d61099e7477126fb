"""Whether scores and confirmations change from one time to the next, slice by slice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class DriftCheckRow(Base):
    """One look at all slices. ``settings`` are the rules, ``summary`` what was looked at."""

    __tablename__ = "drift_checks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    settings: Mapped[dict[str, object]] = mapped_column(JSONB)
    summary: Mapped[dict[str, object]] = mapped_column(JSONB)


class DriftSliceRow(Base):
    """One class in one slice, by one measure: then and now, and whether it is more than chance.

    ``reference`` and ``recent`` hold ``{flights, count, hits, value, low, high, histogram}``;
    ``verdict`` is alarm, steady or cannot_tell, with a ``reason`` for the last. ``alarm_since`` is
    when the same alarm was first raised without a break.
    """

    __tablename__ = "drift_slices"
    __table_args__ = (
        CheckConstraint("measure in ('scores','confirmed')", name="drift_measure_known"),
        CheckConstraint("verdict in ('alarm','steady','cannot_tell')", name="drift_verdict_known"),
        Index(
            "drift_slice_once",
            "check_id",
            "hazard_class",
            "dimension",
            "value",
            "measure",
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    check_id: Mapped[int] = mapped_column(ForeignKey("drift_checks.id", ondelete="CASCADE"))
    hazard_class: Mapped[str] = mapped_column(String(40))
    dimension: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(200))
    measure: Mapped[str] = mapped_column(String(16))
    is_new: Mapped[bool] = mapped_column(Boolean, server_default=false())
    reference: Mapped[dict[str, object]] = mapped_column(JSONB)
    recent: Mapped[dict[str, object]] = mapped_column(JSONB)
    change: Mapped[float | None] = mapped_column(Float)
    p_value: Mapped[float | None] = mapped_column(Float)
    p_needed: Mapped[float | None] = mapped_column(Float)
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(40))
    alarm_since: Mapped[datetime | None] = mapped_column(AWARE)


class DriftSeenRow(Base):
    """A person has read an alarm and says what was done. Append-only.

    It holds for the alarm that was raised at ``alarm_since``; one that is raised again is new.
    """

    __tablename__ = "drift_seen"
    __table_args__ = (
        Index(
            "drift_seen_once",
            "hazard_class",
            "dimension",
            "value",
            "measure",
            "alarm_since",
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hazard_class: Mapped[str] = mapped_column(String(40))
    dimension: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(200))
    measure: Mapped[str] = mapped_column(String(16))
    alarm_since: Mapped[datetime] = mapped_column(AWARE)
    note: Mapped[str] = mapped_column(Text)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
