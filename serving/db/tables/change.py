"""Comparisons of two flights, what they say of each building, and which flight is the baseline."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base

HEIGHT_CHANGE: Final = "height_change"
BUILDING_REGISTER: Final = "building_register"
"""By whom a detection is said that no model saw, in place of a model's name."""


class ChangeRunRow(Base):
    """One comparison of a flight with an earlier one, or (``survey``) its roof heights alone.

    ``stands`` marks the latest that was finished: its findings count, and only its detections
    are grouped. ``heights_of`` names the run whose heights were taken over, where only the
    register was looked at anew. ``requested_by`` is null where the service asked, on arrival.
    """

    __tablename__ = "change_runs"
    __table_args__ = (
        CheckConstraint("kind in ('compare','survey')", name="change_kind_known"),
        CheckConstraint(
            "state in ('queued','running','done','failed','cancelled')", name="change_state_known"
        ),
        CheckConstraint(
            "(kind = 'compare') = (base_flight_id is not null)", name="change_has_base"
        ),
        CheckConstraint("base_flight_id <> new_flight_id", name="change_of_two_flights"),
        CheckConstraint("not stands or state = 'done'", name="change_stands_done"),
        Index("change_runs_flight", "new_flight_id", "id"),
        Index(
            "change_stands_once",
            "new_flight_id",
            unique=True,
            postgresql_where=text("stands"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    base_flight_id: Mapped[int | None] = mapped_column(ForeignKey("flights.id"), index=True)
    new_flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    heights_of: Mapped[int | None] = mapped_column(ForeignKey("change_runs.id"))
    state: Mapped[str] = mapped_column(String(16), server_default="queued", index=True)
    stands: Mapped[bool] = mapped_column(server_default=false())
    stage: Mapped[str | None] = mapped_column(String(32))
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int] = mapped_column(server_default=text("0"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    summary: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)
    settings_hash: Mapped[str] = mapped_column(String(64), server_default="")
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(AWARE)
    finished_at: Mapped[datetime | None] = mapped_column(AWARE)


class BuildingFindingRow(Base):
    """What a run says of one building of a layer. Written once with its run, never edited.

    ``verdict`` is null where nothing was compared. ``attention`` orders the list: what matters
    first has the smallest, see :mod:`serving.flights.change`. ``figures`` holds the numbers with
    their errors, ``evidence`` what speaks for an added storey (``{kind, probability, figures}``,
    or ``{kind, reason}`` where a signal cannot tell), ``part`` the rings of what changed (longitude
    first), ``photos`` the best photos of both flights with box and outline. The pictures are named
    by SHA-256 of the object store.
    """

    __tablename__ = "building_findings"
    __table_args__ = (
        CheckConstraint(
            "verdict in ('rise','fall','unchanged','cannot_tell')", name="finding_verdict_known"
        ),
        Index("building_finding_once", "run_id", "building_id", unique=True),
        Index("building_findings_order", "run_id", "attention", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("change_runs.id"))
    layer_id: Mapped[int] = mapped_column(ForeignKey("layers.id"))
    ordinal: Mapped[int]
    building_id: Mapped[str] = mapped_column(String(240))
    verdict: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    probability: Mapped[float | None] = mapped_column(Float)
    is_excess: Mapped[bool] = mapped_column(server_default=false())
    attention: Mapped[float] = mapped_column(Float)
    figures: Mapped[dict[str, object]] = mapped_column(JSONB)
    evidence: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    part: Mapped[list[object]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    photos: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    before_sha256: Mapped[str | None] = mapped_column(String(64))
    after_sha256: Mapped[str | None] = mapped_column(String(64))
    difference_sha256: Mapped[str | None] = mapped_column(String(64))
    picture_m_per_px: Mapped[float | None] = mapped_column(Float)


class FlightEpochRow(Base):
    """Where a flight stands in the history of its place; a baseline names no other flight.

    ``overlap_share`` is the share of the flight's ground that the baseline shows.
    """

    __tablename__ = "flight_epochs"
    __table_args__ = (
        CheckConstraint("flight_id <> baseline_flight_id", name="epoch_of_another_flight"),
    )

    flight_id: Mapped[int] = mapped_column(
        ForeignKey("flights.id"), primary_key=True, autoincrement=False
    )
    baseline_flight_id: Mapped[int | None] = mapped_column(ForeignKey("flights.id"), index=True)
    overlap_share: Mapped[float | None] = mapped_column(Float)
    placed_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
