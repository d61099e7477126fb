"""Flights, their photos, what could not be used, what they cover."""

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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class FlightRow(Base):
    """One upload and how far its processing is. Counts are never stored: they are counted.

    ``run`` numbers the processing; looking at every photo anew begins the next one. ``views`` is
    how many good photos shall show every spot of the ground (0: every photo is looked at); null
    takes the worker's setting.
    """

    __tablename__ = "flights"
    __table_args__ = (
        CheckConstraint("kind in ('drone','street')", name="kind_known"),
        CheckConstraint(
            "state in ('draft','queued','processing','done','failed','cancelled')",
            name="state_known",
        ),
        CheckConstraint("views between 0 and 20", name="views_known"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    site: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16), server_default="draft", index=True)
    run: Mapped[int] = mapped_column(server_default=text("1"))
    views: Mapped[int | None]
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
    ``intrinsics_source`` are null where the photo has none. The last four are the columns of
    ``PhotoQuality``, measured at upload; null together where that was not done yet. ``run`` is
    the processing whose detections stand for the photo: the latest that was finished. A photo that
    is ``left_out`` was not looked at, because enough good photos show its ground.
    """

    __tablename__ = "photos"
    __table_args__ = (
        UniqueConstraint("flight_id", "sha256", name="photo_once_per_flight"),
        CheckConstraint("state in ('queued','done','failed','left_out')", name="photo_state_known"),
        Index("photos_flight_state", "flight_id", "state"),
        Index("photos_flight_id", "flight_id", "id"),
        Index("photos_place", "lat", "lon"),
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
    run: Mapped[int] = mapped_column(server_default=text("1"))
    processed_at: Mapped[datetime | None] = mapped_column(AWARE)
    uploaded_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())

    focal_px: Mapped[float | None] = mapped_column(Float)
    cx_px: Mapped[float | None] = mapped_column(Float)
    cy_px: Mapped[float | None] = mapped_column(Float)
    intrinsics_source: Mapped[str | None] = mapped_column(String(80))
    focal_std_px: Mapped[float | None] = mapped_column(Float)
    distortion: Mapped[list[float] | None] = mapped_column(ARRAY(Float))

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

    blur_px: Mapped[float | None] = mapped_column(Float)
    brightness: Mapped[float | None] = mapped_column(Float)
    dark_share: Mapped[float | None] = mapped_column(Float)
    bright_share: Mapped[float | None] = mapped_column(Float)


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


class FlightCoverageRow(Base):
    """What the photos of a flight cover of the layers that were there at ``computed_at``.

    ``summary`` holds the shares as :mod:`serving.flights.coverage` writes them, ``files`` the
    SHA-256 of each picture and list in the object store, by name.
    """

    __tablename__ = "flight_coverage"
    __table_args__ = (
        CheckConstraint("state in ('queued','done','failed')", name="coverage_state_known"),
    )

    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[datetime] = mapped_column(AWARE)
    computed_at: Mapped[datetime | None] = mapped_column(AWARE)
    layer_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    summary: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    files: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)
