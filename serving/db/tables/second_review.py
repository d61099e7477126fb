"""Who is to look at a decided candidate without knowing what was decided, and what is known."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class BlindTaskRow(Base):
    """A look at a decided candidate by somebody to whom it seems pending.

    ``about_id`` is the decision that is looked at again; a request for a second opinion on a
    pending candidate waits without one. A ``check`` asks one person (``user_id``) about a thing
    whose truth is known; every other task is for whoever is not in ``excluded_ids``. ``state``
    repeats what the standing acts in ``review_events`` say and is written in their transaction.
    ``revision`` is that of the candidate when the task was opened.
    """

    __tablename__ = "blind_tasks"
    __table_args__ = (
        CheckConstraint(
            "kind in ('urgent','sample','asked','check')", name="blind_task_kind_known"
        ),
        CheckConstraint(
            "state in ('waiting','open','agreed','disputed','settled','answered','cancelled')",
            name="blind_task_state_known",
        ),
        CheckConstraint("(kind = 'check') = (truth is not null)", name="check_has_truth"),
        CheckConstraint("(kind = 'check') = (user_id is not null)", name="check_has_person"),
        Index("blind_tasks_open", "candidate_id", postgresql_where=text("state = 'open'")),
        Index("blind_tasks_disputed", "id", postgresql_where=text("state = 'disputed'")),
        Index(
            "blind_task_waits_once",
            "candidate_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "check_once_per_person",
            "candidate_id",
            "user_id",
            unique=True,
            postgresql_where=text("kind = 'check'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    about_id: Mapped[int | None] = mapped_column(ForeignKey("review_events.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    excluded_ids: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), server_default=text("'{}'::bigint[]")
    )
    truth: Mapped[str | None] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), server_default="open")
    revision: Mapped[int]
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None] = mapped_column(Text)
    opinion_id: Mapped[int | None] = mapped_column(ForeignKey("review_events.id"))
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("review_events.id"))
    same_evidence: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    answered_at: Mapped[datetime | None] = mapped_column(AWARE)


class CheckMarkRow(Base):
    """An engineer or arbiter says that what was decided of a candidate is certain.

    It may then be shown again as a check. A mark that was taken back stays, with who took it.
    """

    __tablename__ = "check_marks"
    __table_args__ = (
        CheckConstraint("truth in ('confirm','reject')", name="mark_truth_known"),
        Index(
            "check_mark_stands_once",
            "candidate_id",
            unique=True,
            postgresql_where=text("removed_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"))
    truth: Mapped[str] = mapped_column(String(16))
    marked_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    marked_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
    removed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    removed_at: Mapped[datetime | None] = mapped_column(AWARE)
