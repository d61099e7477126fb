"""Thresholds of a camera: what was looked at, what people said of it, what was applied."""

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


class CalibrationRow(Base):
    """One camera of one flight, looked at from the models' floor upwards.

    ``camera`` holds the fields of ``Camera``, ``models`` name, version, weights and thresholds of
    the models that looked. ``done`` of ``photos`` were looked at. Whether something was applied is
    told by the events, never by a column.
    """

    __tablename__ = "calibrations"
    __table_args__ = (
        CheckConstraint(
            "state in ('queued','running','labelling','failed')", name="calibration_state_known"
        ),
        Index(
            "calibration_open_once",
            "flight_id",
            "camera_key",
            unique=True,
            postgresql_where=text("state in ('queued','running')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    camera_key: Mapped[str] = mapped_column(String(200), index=True)
    camera: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(16), server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    models: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    photos: Mapped[int] = mapped_column(server_default=text("0"))
    done: Mapped[int] = mapped_column(server_default=text("0"))
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    ready_at: Mapped[datetime | None] = mapped_column(AWARE)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)


class CalibrationBoxRow(Base):
    """One box of any score. ``ordinal`` is its turn to be labelled; null: it is only counted.

    ``place`` names boxes that show one thing; empty where nobody knows.
    """

    __tablename__ = "calibration_boxes"
    __table_args__ = (
        Index("calibration_boxes_class", "calibration_id", "model_name", "hazard_class"),
        UniqueConstraint("calibration_id", "ordinal", name="calibration_turn_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    calibration_id: Mapped[int] = mapped_column(ForeignKey("calibrations.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    model_name: Mapped[str] = mapped_column(String(80))
    hazard_class: Mapped[str] = mapped_column(String(40))
    score: Mapped[float] = mapped_column(Float)
    x_min: Mapped[float] = mapped_column(Float)
    y_min: Mapped[float] = mapped_column(Float)
    x_max: Mapped[float] = mapped_column(Float)
    y_max: Mapped[float] = mapped_column(Float)
    place: Mapped[str] = mapped_column(String(64), server_default="")
    ordinal: Mapped[int | None]


class CalibrationLabelRow(Base):
    """What a person said of a box. Append-only: the database refuses changes.

    The latest that was not undone stands. ``hazard_class`` is what the thing is, where the person
    said so; of a box of another class the answer is ``no``.
    """

    __tablename__ = "calibration_labels"
    __table_args__ = (
        CheckConstraint("kind in ('label','undo')", name="calibration_label_kind_known"),
        CheckConstraint("answer in ('yes','no','unsure')", name="calibration_answer_known"),
        CheckConstraint("(kind = 'label') = (answer is not null)", name="calibration_answer_given"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_label"),
        UniqueConstraint("user_id", "idempotency_key", name="calibration_label_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    box_id: Mapped[int] = mapped_column(ForeignKey("calibration_boxes.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    answer: Mapped[str | None] = mapped_column(String(16))
    hazard_class: Mapped[str | None] = mapped_column(String(40))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("calibration_labels.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())


class CalibrationEventRow(Base):
    """Thresholds proposed, applied or taken back. Append-only: the database refuses changes.

    ``thresholds`` holds the parts of a calibration file, each with its ``figures`` as they stood
    then. ``site`` bounds an application to flights of that site. ``raised`` are the guarded
    classes whose threshold an engineer confirmed to be raised.
    """

    __tablename__ = "calibration_events"
    __table_args__ = (
        CheckConstraint("kind in ('propose','apply','withdraw')", name="calibration_event_known"),
        CheckConstraint("(kind = 'withdraw') = (undoes is not null)", name="withdrawal_names"),
        UniqueConstraint("user_id", "idempotency_key", name="calibration_act_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    calibration_id: Mapped[int] = mapped_column(ForeignKey("calibrations.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    thresholds: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    site: Mapped[str | None] = mapped_column(String(200))
    raised: Mapped[list[str]] = mapped_column(ARRAY(String(40)), server_default="{}")
    note: Mapped[str | None] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("calibration_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
