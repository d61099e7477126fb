"""Where a shadow model and the one in force disagree on a photo, and who is right."""

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


class ShadowComparisonRow(Base):
    """One photo on which a shadow model and the one in force were compared, box by box.

    ``run`` is the processing of the flight whose boxes stand for the model in force, and
    ``current_sha256`` the weights that said them (None: they said nothing). ``both`` counts boxes
    that have their like, ``only_shadow`` and ``only_current`` those that have none.
    """

    __tablename__ = "shadow_comparisons"
    __table_args__ = (Index("shadow_comparisons_model", "model_name", "version", "flight_id"),)

    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), primary_key=True)
    config_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    run: Mapped[int] = mapped_column(primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    model_name: Mapped[str] = mapped_column(String(80))
    version: Mapped[str] = mapped_column(String(16))
    current_sha256: Mapped[str | None] = mapped_column(String(64))
    both: Mapped[int]
    only_shadow: Mapped[int]
    only_current: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())


class ShadowDifferenceRow(Base):
    """A box that one of the two models has and the other has not, or under another class.

    ``shadow`` and ``current`` are ``{hazard_class, score, bbox_xyxy}``; one of them is None unless
    the class differs. ``ordinal`` counts within the photo. ``lot`` is a number drawn from the name
    of the difference: who judges in its order judges a fair sample, however far they come.
    ``state`` repeats the last standing judgement.
    """

    __tablename__ = "shadow_differences"
    __table_args__ = (
        UniqueConstraint("photo_id", "config_hash", "run", "ordinal", name="difference_once"),
        CheckConstraint(
            "state in ('open','shadow','current','neither','unsure')",
            name="difference_state_known",
        ),
        CheckConstraint("shadow is not null or current is not null", name="difference_is_of_a_box"),
        Index("shadow_differences_queue", "model_name", "version", "state", "lot"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    config_hash: Mapped[str] = mapped_column(String(64))
    run: Mapped[int]
    ordinal: Mapped[int]
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    model_name: Mapped[str] = mapped_column(String(80))
    version: Mapped[str] = mapped_column(String(16))
    hazard_class: Mapped[str] = mapped_column(String(40))
    shadow: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    current: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    lot: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(16), server_default=text("'open'"))


class ShadowJudgementRow(Base):
    """Which of the two models a person found right. Append-only: the database refuses changes."""

    __tablename__ = "shadow_judgements"
    __table_args__ = (
        CheckConstraint("kind in ('judgement','undo')", name="shadow_event_kind_known"),
        CheckConstraint(
            "judgement in ('shadow','current','neither','unsure')", name="judgement_known"
        ),
        CheckConstraint("(kind = 'judgement') = (judgement is not null)", name="judgement_given"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_judgement"),
        UniqueConstraint("user_id", "idempotency_key", name="shadow_judgement_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    difference_id: Mapped[int] = mapped_column(ForeignKey("shadow_differences.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    judgement: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("shadow_judgements.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
