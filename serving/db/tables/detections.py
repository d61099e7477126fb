"""What models said of photos. Rows are written once and never edited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    Identity,
    Index,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class DetectionRow(Base):
    """One box in one photo, with the model that said so and where it lies.

    ``polygons`` outlines it as rings of ``[x, y]`` in pixels of the photo; a model of boxes gives
    none. ``on_building`` and ``measure`` are the domain's classes of these names. Rows of an
    earlier ``run`` stay for whoever decided on them, and are grouped no more.

    ``change_run_id`` names the comparison that said so, where no model did: such a row is of no
    processing (``run`` 0) and counts while that comparison stands. ``calibration_id`` names the
    calibration whose ``threshold`` was in the place of the model's own.
    """

    __tablename__ = "detections"
    __table_args__ = (
        Index(
            "detection_once",
            "photo_id",
            "run",
            "ordinal",
            unique=True,
            postgresql_where=text("change_run_id is null"),
        ),
        Index("finding_shown_once", "change_run_id", "photo_id", "ordinal", unique=True),
        Index("detections_flight", "flight_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    run: Mapped[int] = mapped_column(server_default=text("1"))
    ordinal: Mapped[int]
    change_run_id: Mapped[int | None] = mapped_column(ForeignKey("change_runs.id"), index=True)
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
    calibration_id: Mapped[int | None] = mapped_column(ForeignKey("calibrations.id"))
    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    cov_ee_m2: Mapped[float | None] = mapped_column(Float)
    cov_en_m2: Mapped[float | None] = mapped_column(Float)
    cov_nn_m2: Mapped[float | None] = mapped_column(Float)
    method: Mapped[str | None] = mapped_column(String(40))
    unplaced_reason: Mapped[str | None] = mapped_column(String(64))
    on_building: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    measure: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))


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
