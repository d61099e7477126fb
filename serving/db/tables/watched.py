"""What was found in watched folders and buckets, and which flights came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class WatchedFolderRow(Base):
    """A folder below a watched place. ``listing`` is a hash of what lay in it when last looked.

    ``changed_at`` is when the listing was first seen as it is; so a restart forgets nothing.
    """

    __tablename__ = "watched_folders"
    __table_args__ = (UniqueConstraint("place", "folder", name="watched_folder_once"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    place: Mapped[str] = mapped_column(Text)
    folder: Mapped[str] = mapped_column(Text)
    listing: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(AWARE)


class WatchedFlightRow(Base):
    """A flight that came of a watched folder: ``reading`` its files, ``checking``, ``done``."""

    __tablename__ = "watched_flights"
    __table_args__ = (
        CheckConstraint("state in ('reading','checking','done')", name="watched_state_known"),
    )

    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), primary_key=True)
    folder_id: Mapped[int] = mapped_column(ForeignKey("watched_folders.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), server_default="reading", index=True)


class WatchedFileRow(Base):
    """One content of one file of a watched folder, taken into one flight, once.

    ``taken_at`` is null until it was copied.
    """

    __tablename__ = "watched_files"
    __table_args__ = (UniqueConstraint("folder_id", "path", "version", name="watched_file_once"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    folder_id: Mapped[int] = mapped_column(ForeignKey("watched_folders.id"))
    flight_id: Mapped[int] = mapped_column(ForeignKey("watched_flights.flight_id"), index=True)
    path: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[datetime | None] = mapped_column(AWARE)
