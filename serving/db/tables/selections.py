"""What to label next: choices under a budget, and why each photo was chosen."""

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class SelectionRow(Base):
    """A choice of photos to label next, ordered by a person and made by a worker.

    ``settings`` is what was asked for, as :class:`serving.learning.selection.SelectionWish` writes
    it; ``summary`` what there was to choose from. ``sent_at`` is when it was sent to be drawn.
    """

    __tablename__ = "selections"
    __table_args__ = (
        CheckConstraint("state in ('queued','done','failed')", name="selection_state_known"),
        UniqueConstraint("user_id", "idempotency_key", name="selection_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), server_default="queued")
    budget: Mapped[int]
    settings: Mapped[dict[str, object]] = mapped_column(JSONB)
    summary: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None] = mapped_column(AWARE)
    sent_at: Mapped[datetime | None] = mapped_column(AWARE)
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class SelectionPickRow(Base):
    """One chosen photo, and the candidate for which it was chosen; none: nothing was found in it.

    ``detection_id`` is the candidate's box in this photo, ``hazard_class`` as the model has it.

    The parts (``uncertainty`` to ``novelty``) are in [0, 1], ``total`` is their weighted mean and
    ``reason`` a code for what did most. ``evidence`` is what was known at the choice: score,
    threshold, box, model, camera … It stays when the candidate goes.
    """

    __tablename__ = "selection_picks"
    __table_args__ = (
        UniqueConstraint("selection_id", "photo_id", name="selection_photo_once"),
        UniqueConstraint("selection_id", "rank", name="selection_rank_once"),
        CheckConstraint("kind in ('candidate','photo')", name="selection_pick_kind_known"),
        Index("selection_picks_photo", "photo_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    selection_id: Mapped[int] = mapped_column(ForeignKey("selections.id"))
    rank: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    candidate_id: Mapped[int | None] = mapped_column(
        ForeignKey("candidates.id", ondelete="SET NULL"), index=True
    )
    detection_id: Mapped[int | None] = mapped_column(
        ForeignKey("detections.id", ondelete="SET NULL"), index=True
    )
    hazard_class: Mapped[str | None] = mapped_column(String(40))
    total: Mapped[float] = mapped_column(Float)
    uncertainty: Mapped[float] = mapped_column(Float)
    diversity: Mapped[float] = mapped_column(Float)
    rarity: Mapped[float] = mapped_column(Float)
    disagreement: Mapped[float] = mapped_column(Float)
    novelty: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(String(24))
    evidence: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
