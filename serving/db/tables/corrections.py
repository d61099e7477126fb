"""What people corrected of boxes and classes. Events are written once and never edited."""

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
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class CorrectionEventRow(Base):
    """A box or a class as a person says it is. Append-only: the database refuses changes.

    A sighting is named by photo, kind of thing and the box that the model drew
    (``seen_bbox_xyxy``), so that the correction holds for the boxes of a later model too; the
    class of the whole candidate names none. ``before`` and ``after`` hold ``{bbox_xyxy}`` or
    ``{hazard_class}``. An ``is_opinion`` event is that of somebody who reviews blind: only they
    see it.
    """

    __tablename__ = "correction_events"
    __table_args__ = (
        CheckConstraint("kind in ('box','class','undo')", name="correction_kind_known"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_correction"),
        CheckConstraint(
            "(photo_sha256 is null) = (seen_bbox_xyxy is null)"
            " and (photo_sha256 is null) = (thing is null)",
            name="correction_names_sighting",
        ),
        UniqueConstraint("user_id", "idempotency_key", name="correction_once"),
        Index("correction_events_photo", "flight_id", "photo_sha256", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    photo_sha256: Mapped[str | None] = mapped_column(String(64))
    thing: Mapped[str | None] = mapped_column(String(40))
    seen_bbox_xyxy: Mapped[list[float] | None] = mapped_column(ARRAY(Float))
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    is_opinion: Mapped[bool] = mapped_column(server_default=false())
    note: Mapped[str | None] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("correction_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
