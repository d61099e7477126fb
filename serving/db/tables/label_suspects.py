"""Labels of training data that may be wrong, and what people said of them."""

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


class LabelSuspectRow(Base):
    """One label, or one place without, with which models that had not learnt it disagree.

    ``key`` names it within its data set: another list of the same set brings it again under the
    same key. ``label`` is ``{number, hazard_class, bbox_xyxy, outline}``, ``model``
    ``{hazard_class, score, bbox_xyxy, outline}``, ``others`` the other labels of the photo, all in
    pixels of the photo of the set.
    ``crop_sha256`` is a picture in the object store that shows ``window`` of the photo.
    ``event_ids`` and ``annotation_ids`` are the acts of people here that the label goes back to,
    ``candidate_id`` what they were about. ``state`` repeats the last standing act.
    """

    __tablename__ = "label_suspects"
    __table_args__ = (
        UniqueConstraint("set_name", "key", name="suspect_once"),
        CheckConstraint(
            "kind in ('missing_label','no_object','wrong_class','bad_box')",
            name="suspect_kind_known",
        ),
        CheckConstraint(
            "state in ('open','accepted','fixed','dropped','unsure','returned')",
            name="suspect_state_known",
        ),
        Index("label_suspects_queue", "state", text("suspicion desc"), "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(String(24))
    set_name: Mapped[str] = mapped_column(String(120))
    data_sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    suspicion: Mapped[float] = mapped_column(Float)
    photo_name: Mapped[str] = mapped_column(String(400))
    photo_sha256: Mapped[str] = mapped_column(String(64))
    width_px: Mapped[int]
    height_px: Mapped[int]
    split: Mapped[str] = mapped_column(String(8))
    source: Mapped[str] = mapped_column(String(200), server_default="")
    has_outlines: Mapped[bool]
    label: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    model: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    others: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    window: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    crop_sha256: Mapped[str] = mapped_column(String(64))
    event_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    annotation_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    candidate_id: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"))
    state: Mapped[str] = mapped_column(String(16), server_default="open")
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())


class SuspectEventRow(Base):
    """What a person said of a suspected label. Append-only: the database refuses changes.

    ``idempotency_key`` is the client's own name of the act: sent twice, it is written once.
    """

    __tablename__ = "suspect_events"
    __table_args__ = (
        CheckConstraint("kind in ('answer','undo')", name="suspect_event_kind_known"),
        CheckConstraint(
            "answer in ('accept','fix','drop','unsure','return')", name="suspect_answer_known"
        ),
        CheckConstraint("(kind = 'answer') = (answer is not null)", name="suspect_answer_given"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_suspect_answer"),
        UniqueConstraint("user_id", "idempotency_key", name="suspect_act_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    suspect_id: Mapped[int] = mapped_column(ForeignKey("label_suspects.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    answer: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("suspect_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
