"""Candidates, what shows them, and what people did. Events are written once and never edited."""

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
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from serving.db.tables.base import AWARE, Base
from serving.db.tables.detections import DetectionRow


def _order_of(name: str, *first: str) -> Index:
    """Return an index that serves the queue in its order, of what ``first`` names."""
    order = ("tier", "risk_key", "id")
    return Index(name, *first, *order, postgresql_where=text("merged_into is null"))


class CandidateRow(Base):
    """One physical thing that awaits review, or was decided.

    ``state`` repeats what the last standing decision in ``review_events`` says and is written in
    the same transaction as the event. ``rank`` is the attention order of the class (1 first).

    A candidate that a person merged into another names it in ``merged_into``, keeps its history
    and has no sightings: they are the other's. ``revision`` grows whenever its sightings change.
    Where a person corrected the class, ``hazard_class`` is theirs and ``model_class`` the models'.
    Candidates of one place, seen on different dates, share ``place_key``. ``votes``, ``areas`` and
    ``on_building`` are the domain's classes of these names.

    The queue falls by ``tier`` (urgent, normal, low: the alphabet turned round), ``risk_key`` and
    ``id``, see :mod:`serving.review.risk`; ``exposure`` is what raised the risk,
    ``{code, detail, value}``, and ``ranked_by`` the rules that were used. ``models`` names those
    that saw it, with the first twelve digits of their weights' hash.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        Index(
            "candidate_once_per_flight",
            "flight_id",
            "key",
            unique=True,
            postgresql_where=text("merged_into is null"),
        ),
        CheckConstraint(
            "state in ('pending','confirmed','rejected','unsure','duplicate')",
            name="candidate_state_known",
        ),
        CheckConstraint("tier in ('urgent','normal','low')", name="candidate_tier_known"),
        _order_of("candidates_queue", "state"),
        _order_of("candidates_flight_queue", "flight_id", "state"),
        _order_of("candidates_class_queue", "hazard_class", "state"),
        Index(
            "candidates_areas",
            "areas",
            postgresql_using="gin",
            postgresql_ops={"areas": "jsonb_path_ops"},
        ),
        Index("candidates_models", "models", postgresql_using="gin"),
        Index("candidates_place", "lat", "lon"),
        Index("candidates_hazards", "state", text("decided_at desc"), text("id desc")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    key: Mapped[str] = mapped_column(String(64))
    hazard_class: Mapped[str] = mapped_column(String(40))
    model_class: Mapped[str | None] = mapped_column(String(40))
    rank: Mapped[int]
    score: Mapped[float] = mapped_column(Float)
    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    error_m: Mapped[float | None] = mapped_column(Float)
    cov_ee_m2: Mapped[float | None] = mapped_column(Float)
    cov_en_m2: Mapped[float | None] = mapped_column(Float)
    cov_nn_m2: Mapped[float | None] = mapped_column(Float)
    method: Mapped[str | None] = mapped_column(String(40))
    unplaced_reason: Mapped[str | None] = mapped_column(String(64))
    config_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), server_default="pending")
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"))
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"), index=True)
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    place_key: Mapped[str | None] = mapped_column(String(64), index=True)
    is_ambiguous: Mapped[bool] = mapped_column(server_default=false())
    votes: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    on_building: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    areas: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    tier: Mapped[str] = mapped_column(String(8), server_default="normal")
    risk_key: Mapped[float] = mapped_column(Float, server_default=text("0"))
    exposure: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    ranked_by: Mapped[str] = mapped_column(String(16), server_default="")
    models: Mapped[list[str]] = mapped_column(ARRAY(String(80)), server_default="{}")
    decided_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())

    sightings: Mapped[list[SightingRow]] = relationship(
        back_populates="candidate", order_by="SightingRow.ordinal", passive_deletes=True
    )

    @property
    def class_of_models(self) -> str:
        """The class as the models have it, whatever a person said since."""
        return self.model_class or self.hazard_class


class SightingRow(Base):
    """Which detections show a candidate; a detection shows at most one. Best score first."""

    __tablename__ = "sightings"

    detection_id: Mapped[int] = mapped_column(ForeignKey("detections.id"), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), index=True
    )
    ordinal: Mapped[int]

    candidate: Mapped[CandidateRow] = relationship(back_populates="sightings")
    detection: Mapped[DetectionRow] = relationship()


class ReviewEventRow(Base):
    """What a reviewer did. Append-only: the database refuses to change or delete a row.

    An ``opinion`` is what somebody said in a blind task (``task_id``): it never changes the state
    of the candidate, and its states are those that the person saw. A decision that names a task
    settles the dispute there.

    ``idempotency_key`` is the client's own name of the act: sent twice, it is written once.
    """

    __tablename__ = "review_events"
    __table_args__ = (
        CheckConstraint("kind in ('decision','opinion','undo')", name="event_kind_known"),
        CheckConstraint("(kind <> 'undo') = (verdict is not null)", name="decision_has_verdict"),
        CheckConstraint("kind <> 'opinion' or task_id is not null", name="opinion_has_task"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_decision"),
        UniqueConstraint("user_id", "idempotency_key", name="act_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str | None] = mapped_column(String(16))
    state_before: Mapped[str] = mapped_column(String(16))
    state_after: Mapped[str] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("review_events.id"), unique=True)
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey("blind_tasks.id", use_alter=True, name="event_names_task"), index=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())


class GroupingEventRow(Base):
    """What a person said of sightings: they show one thing (merge), or two things (split).

    Append-only like ``review_events``. ``parts`` names the sightings of each thing by photo, kind
    and box, ``{candidate_id, sightings: [{photo_sha256, thing, bbox_xyxy}]}``, so that the act
    holds for the boxes of a later model too. A merge joins all parts in ``candidate_id``; a split
    leaves the first part there. An ``undo`` has no parts. ``candidate_ids`` are all concerned.
    """

    __tablename__ = "grouping_events"
    __table_args__ = (
        CheckConstraint("kind in ('merge','split','undo')", name="grouping_kind_known"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_grouping"),
        UniqueConstraint("user_id", "idempotency_key", name="grouping_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    candidate_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    kind: Mapped[str] = mapped_column(String(16))
    parts: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    note: Mapped[str | None] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("grouping_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
