"""The tables. Rows of detections, sightings and events are written once and never edited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

AWARE = DateTime(timezone=True)


class Base(DeclarativeBase):
    """Parent of all tables."""


class UserRow(Base):
    """A person who signs in. Never deleted, because events name people; disabled instead."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role in ('operator','reviewer','engineer','admin')", name="role_known"),
        Index("users_username_lower", text("lower(username)"), unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(16))
    token_version: Mapped[int] = mapped_column(server_default=text("1"))
    disabled_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class FlightRow(Base):
    """One upload and how far its processing is. Counts are never stored: they are counted."""

    __tablename__ = "flights"
    __table_args__ = (
        CheckConstraint("kind in ('drone','street')", name="kind_known"),
        CheckConstraint(
            "state in ('draft','queued','processing','done','failed','cancelled')",
            name="state_known",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    site: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16), server_default="draft", index=True)
    demo_key: Mapped[str | None] = mapped_column(String(32), unique=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    submitted_at: Mapped[datetime | None] = mapped_column(AWARE)
    started_at: Mapped[datetime | None] = mapped_column(AWARE)
    finished_at: Mapped[datetime | None] = mapped_column(AWARE)
    grouping_at: Mapped[datetime | None] = mapped_column(AWARE)
    grouped_at: Mapped[datetime | None] = mapped_column(AWARE)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)


class PhotoRow(Base):
    """One accepted file. ``name`` is for display only; the file lies under its ``sha256``.

    ``captured_at`` is ISO 8601 as the camera wrote it, with or without a zone. Pose and
    intrinsics are the columns of ``CameraPose`` and ``CameraIntrinsics``; ``pose_source`` and
    ``intrinsics_source`` are null where the photo has none.
    """

    __tablename__ = "photos"
    __table_args__ = (
        UniqueConstraint("flight_id", "sha256", name="photo_once_per_flight"),
        CheckConstraint("state in ('queued','done','failed')", name="photo_state_known"),
        Index("photos_flight_state", "flight_id", "state"),
        Index("photos_flight_id", "flight_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    name: Mapped[str] = mapped_column(String(400))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(32))
    width_px: Mapped[int]
    height_px: Mapped[int]
    captured_at: Mapped[str | None] = mapped_column(String(40))
    camera_model: Mapped[str | None] = mapped_column(String(120))
    warnings: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    state: Mapped[str] = mapped_column(String(16), server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    processed_at: Mapped[datetime | None] = mapped_column(AWARE)
    uploaded_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())

    focal_px: Mapped[float | None] = mapped_column(Float)
    cx_px: Mapped[float | None] = mapped_column(Float)
    cy_px: Mapped[float | None] = mapped_column(Float)
    intrinsics_source: Mapped[str | None] = mapped_column(String(80))

    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    altitude_agl_m: Mapped[float | None] = mapped_column(Float)
    altitude_m: Mapped[float | None] = mapped_column(Float)
    yaw_deg: Mapped[float | None] = mapped_column(Float)
    pitch_deg: Mapped[float | None] = mapped_column(Float)
    roll_deg: Mapped[float | None] = mapped_column(Float)
    horizontal_std_m: Mapped[float | None] = mapped_column(Float)
    vertical_std_m: Mapped[float | None] = mapped_column(Float)
    yaw_std_deg: Mapped[float | None] = mapped_column(Float)
    pitch_std_deg: Mapped[float | None] = mapped_column(Float)
    roll_std_deg: Mapped[float | None] = mapped_column(Float)
    pose_source: Mapped[str | None] = mapped_column(String(200))


class IngestFailureRow(Base):
    """A file that could not be used, at upload (no ``photo_id``) or in processing."""

    __tablename__ = "ingest_failures"
    __table_args__ = (
        Index(
            "upload_failure_once",
            "flight_id",
            "file_name",
            "code",
            unique=True,
            postgresql_where=text("photo_id is null"),
        ),
        Index(
            "photo_failure_once",
            "photo_id",
            unique=True,
            postgresql_where=text("photo_id is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    file_name: Mapped[str] = mapped_column(String(400))
    code: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class DetectionRow(Base):
    """One box in one photo, with the model that said so and where it lies.

    ``polygons`` outlines it as rings of ``[x, y]`` in pixels of the photo; a model of boxes gives
    none.
    """

    __tablename__ = "detections"
    __table_args__ = (
        UniqueConstraint("photo_id", "config_hash", "ordinal", name="detection_once"),
        Index("detections_flight", "flight_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    ordinal: Mapped[int]
    hazard_class: Mapped[str] = mapped_column(String(40))
    score: Mapped[float] = mapped_column(Float)
    x_min: Mapped[float] = mapped_column(Float)
    y_min: Mapped[float] = mapped_column(Float)
    x_max: Mapped[float] = mapped_column(Float)
    y_max: Mapped[float] = mapped_column(Float)
    polygons: Mapped[list[list[list[float]]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    model_name: Mapped[str] = mapped_column(String(80))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    config_hash: Mapped[str] = mapped_column(String(64))
    threshold: Mapped[float | None] = mapped_column(Float)
    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    cov_ee_m2: Mapped[float | None] = mapped_column(Float)
    cov_en_m2: Mapped[float | None] = mapped_column(Float)
    cov_nn_m2: Mapped[float | None] = mapped_column(Float)
    method: Mapped[str | None] = mapped_column(String(40))
    unplaced_reason: Mapped[str | None] = mapped_column(String(64))


class ShadowResultRow(Base):
    """What a shadow model said of one photo. Never shown to reviewers, never grouped.

    ``boxes`` holds ``{hazard_class, score, bbox_xyxy, polygons}``; an empty list is a photo that
    was looked at and nothing found.
    """

    __tablename__ = "shadow_results"
    __table_args__ = (Index("shadow_results_model", "model_name", "version"),)

    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), primary_key=True)
    config_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    model_name: Mapped[str] = mapped_column(String(80))
    version: Mapped[str] = mapped_column(String(16))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    boxes: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class CandidateRow(Base):
    """One physical thing that awaits review, or was decided.

    ``state`` repeats what the last standing decision in ``review_events`` says and is written in
    the same transaction as the event. ``rank`` is the attention order of the class (1 first).
    """

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint("flight_id", "key", name="candidate_once_per_flight"),
        CheckConstraint(
            "state in ('pending','confirmed','rejected','unsure','duplicate')",
            name="candidate_state_known",
        ),
        Index("candidates_queue", "state", "rank", text("score desc"), "id"),
        Index("candidates_flight_queue", "flight_id", "state", "rank", text("score desc"), "id"),
        Index("candidates_hazards", "state", text("decided_at desc"), text("id desc")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    key: Mapped[str] = mapped_column(String(64))
    hazard_class: Mapped[str] = mapped_column(String(40))
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
    decided_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())

    sightings: Mapped[list[SightingRow]] = relationship(
        back_populates="candidate", order_by="SightingRow.ordinal", passive_deletes=True
    )


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

    ``idempotency_key`` is the client's own name of the act: sent twice, it is written once.
    """

    __tablename__ = "review_events"
    __table_args__ = (
        CheckConstraint("kind in ('decision','undo')", name="event_kind_known"),
        CheckConstraint("(kind = 'decision') = (verdict is not null)", name="decision_has_verdict"),
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
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
