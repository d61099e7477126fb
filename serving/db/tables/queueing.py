"""Who holds which candidate, who was given what, and how many there are of each kind."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class ClaimRow(Base):
    """One person holds one candidate until ``expires_at``; one that has ended may be taken.

    The key lets nobody else in: of two who reach out at once, one gets it.
    """

    __tablename__ = "claims"
    __table_args__ = (Index("claims_of_person", "user_id", "expires_at"),)

    candidate_id: Mapped[int] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(AWARE)


class AssignmentRow(Base):
    """A share of the queue that a person was given: a class, a flight, an area, or their meeting.

    Ended ones stay. ``area_level`` and ``area_id`` name an area of a layer together.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(hazard_class, flight_id, area_id) > 0", name="assignment_of_something"
        ),
        CheckConstraint(
            "(area_level is null) = (area_id is null)", name="assignment_area_complete"
        ),
        Index("assignments_open", "user_id", "id", postgresql_where=text("ended_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    hazard_class: Mapped[str | None] = mapped_column(String(40))
    flight_id: Mapped[int | None] = mapped_column(ForeignKey("flights.id"))
    area_level: Mapped[str | None] = mapped_column(String(16))
    area_id: Mapped[str | None] = mapped_column(String(200))
    area_name: Mapped[str | None] = mapped_column(String(400))
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None] = mapped_column(AWARE)


class QueueTallyRow(Base):
    """Differences that add up to the number of candidates of each kind.

    Triggers on ``candidates`` write a row for what each statement changed and now and then add
    the rows up, so that nobody counts 100,000 candidates and nobody waits for another's count.
    What was merged into another is not counted.
    """

    __tablename__ = "queue_tallies"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(BigInteger)
    hazard_class: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(16))
    tier: Mapped[str] = mapped_column(String(8))
    amount: Mapped[int] = mapped_column(BigInteger)
