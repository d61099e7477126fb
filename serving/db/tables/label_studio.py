"""Tasks that were sent to Label Studio, and what people drew there."""

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
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base

EMPTY = text("'[]'::jsonb")


class LabelProjectRow(Base):
    """Our project in Label Studio for one kind of shape, and how the last look at it went.

    ``settings_sha256`` names the labels and options that it was set up with. ``asked_at`` is when
    a look at it was last asked for, ``foreign_tasks`` how many tasks there are not ours.
    """

    __tablename__ = "label_projects"
    __table_args__ = (
        CheckConstraint("geometry in ('boxes','outlines')", name="label_geometry_known"),
    )

    geometry: Mapped[str] = mapped_column(String(16), primary_key=True)
    url: Mapped[str] = mapped_column(String(400))
    project_id: Mapped[int] = mapped_column(BigInteger)
    webhook_id: Mapped[int | None] = mapped_column(BigInteger)
    settings_sha256: Mapped[str] = mapped_column(String(64))
    set_up_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    asked_at: Mapped[datetime | None] = mapped_column(AWARE)
    synced_at: Mapped[datetime | None] = mapped_column(AWARE)
    foreign_tasks: Mapped[int] = mapped_column(server_default=text("0"))
    failed_at: Mapped[datetime | None] = mapped_column(AWARE)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)


class LabelPushRow(Base):
    """An order to have photos drawn on: a selection by number, or candidates by a filter."""

    __tablename__ = "label_pushes"
    __table_args__ = (
        CheckConstraint("state in ('queued','done','failed')", name="label_push_state_known"),
        UniqueConstraint("user_id", "idempotency_key", name="label_push_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    selection_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    wanted: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(16), server_default="queued")
    new_tasks: Mapped[int] = mapped_column(server_default=text("0"))
    known_tasks: Mapped[int] = mapped_column(server_default=text("0"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(AWARE)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)


class LabelTaskRow(Base):
    """A photo to be drawn on in one project. ``key`` is what Label Studio knows it by.

    ``sending`` means that the request may or may not have arrived: the next look at the project
    tells. ``predictions`` holds what was sent, ``{region, detection_id, hazard_class, bbox_xyxy,
    score}``. ``agreement`` is the share of shapes on which several annotators agree.
    """

    __tablename__ = "label_tasks"
    __table_args__ = (
        CheckConstraint(
            "state in ('waiting','sending','open','drawn','skipped','disagreeing','refused')",
            name="label_task_state_known",
        ),
        Index("label_tasks_board", "geometry", "board_task_id"),
        Index("label_tasks_state", "geometry", "state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    geometry: Mapped[str] = mapped_column(ForeignKey("label_projects.geometry"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), index=True)
    photo_sha256: Mapped[str] = mapped_column(String(64))
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), server_default="waiting")
    board_task_id: Mapped[int | None] = mapped_column(BigInteger)
    predictions: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default=EMPTY)
    link_until: Mapped[datetime | None] = mapped_column(AWARE)
    pushed_at: Mapped[datetime | None] = mapped_column(AWARE)
    deleted_at: Mapped[datetime | None] = mapped_column(AWARE)
    agreement: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class LabelPushTaskRow(Base):
    """Which tasks an order asked for, those included that were there before."""

    __tablename__ = "label_push_tasks"

    push_id: Mapped[int] = mapped_column(ForeignKey("label_pushes.id"), primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("label_tasks.id"), primary_key=True, index=True)


class LabelEventRow(Base):
    """What Label Studio told us of, as it came; one delivery is kept once."""

    __tablename__ = "label_events"
    __table_args__ = (
        Index("label_events_waiting", "id", postgresql_where=text("handled_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    body_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    geometry: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(40))
    board_task_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    handled_at: Mapped[datetime | None] = mapped_column(AWARE)


class LabelProblemRow(Base):
    """Something of a drawing or task that could not be taken in, until it is mended.

    ``key`` names what it is about, so that the same trouble is one row however often it is met.
    """

    __tablename__ = "label_problems"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("label_tasks.id"), index=True)
    code: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    last_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    mended_at: Mapped[datetime | None] = mapped_column(AWARE)


class LabelAnnotationRow(Base):
    """What one person drew on one photo, as they left it then. Append-only.

    A drawing that is changed in Label Studio is a new row; the newest row of ``task_key`` and
    ``annotation_id`` stands. ``shapes`` are in pixels of the photo as it is shown: ``{hazard_class,
    bbox_xyxy, outline, rotation_deg, detection_id, change, region}``, ``outline`` for polygons and
    turned rectangles. ``dropped`` are predictions that the person took away. ``classes`` is what
    the project asked for: of these, the photo shows no more than what was drawn.
    """

    __tablename__ = "label_annotations"
    __table_args__ = (
        CheckConstraint(
            "kind in ('annotated','skipped','deleted')", name="label_annotation_kind_known"
        ),
        UniqueConstraint("task_key", "annotation_id", "revision", name="label_annotation_once"),
        Index("label_annotations_standing", "task_key", "annotation_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    label_task_id: Mapped[int] = mapped_column(ForeignKey("label_tasks.id"), index=True)
    task_key: Mapped[str] = mapped_column(String(120))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), index=True)
    photo_sha256: Mapped[str] = mapped_column(String(64))
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    width_px: Mapped[int]
    height_px: Mapped[int]
    geometry: Mapped[str] = mapped_column(String(16))
    classes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    board_task_id: Mapped[int] = mapped_column(BigInteger)
    annotation_id: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[str] = mapped_column(String(64))
    annotator: Mapped[str] = mapped_column(String(40))
    edited_by: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(16))
    is_ground_truth: Mapped[bool] = mapped_column(server_default=false())
    region_xyxy: Mapped[list[float] | None] = mapped_column(ARRAY(Float))
    shapes: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default=EMPTY)
    dropped: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default=EMPTY)
    drawn_at: Mapped[datetime] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
