"""Files that are sent: what is expected of a flight, how far it is, and the media among them."""

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
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class FlightFileRow(Base):
    """One file of a flight, from the moment it is announced until it is in or refused by name.

    ``digest`` is what the sender says of the content: the SHA-256 as hex, the CRC-32 of an entry
    of an archive, or empty. ``sha256`` was measured here, from the bytes on disk; ``verified_at``
    is when those bytes were read back and found to be the ones that were sent. ``staged`` names
    the file in the folder of uploads as long as it is there. ``archive_id`` is the file that this
    one came out of, 0 where it was sent by itself.
    """

    __tablename__ = "flight_files"
    __table_args__ = (
        CheckConstraint(
            "state in ('expected','transferring','checking','accepted','rejected')",
            name="file_state_known",
        ),
        CheckConstraint(
            "kind in ('photo','archive','video','srt','mrk','gpx','other')", name="file_kind_known"
        ),
        UniqueConstraint(
            "flight_id", "path", "size_bytes", "digest", "archive_id", name="file_once_per_flight"
        ),
        Index("flight_files_state", "flight_id", "state", "id"),
        Index("flight_files_order", "flight_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    archive_id: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    path: Mapped[str] = mapped_column(String(400))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), server_default="")
    sha256: Mapped[str | None] = mapped_column(String(64))
    staged: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), server_default="expected")
    code: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    remedy: Mapped[str | None] = mapped_column(Text)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    media_id: Mapped[int | None] = mapped_column(ForeignKey("flight_media.id"))
    verified_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class UploadRow(Base):
    """One transfer that goes on where it broke off. ``offset_bytes`` were synced to disk.

    ``id`` cannot be guessed and names the file in the folder of uploads. A file has one transfer
    that is not complete, at most.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        CheckConstraint("offset_bytes between 0 and length_bytes", name="upload_offset_in_file"),
        Index(
            "upload_open_once",
            "file_id",
            unique=True,
            postgresql_where=text("completed_at is null"),
        ),
        Index("uploads_expiry", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("flight_files.id"), index=True)
    length_bytes: Mapped[int] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(AWARE)
    completed_at: Mapped[datetime | None] = mapped_column(AWARE)


class FlightMediaRow(Base):
    """A video or a track of a flight, stored under its ``sha256``; photos come out of it later.

    ``frames`` counts the photos that were made of a video. ``state`` is ``waiting`` until that
    was done; code, message and remedy say why it ``failed``.
    """

    __tablename__ = "flight_media"
    __table_args__ = (
        CheckConstraint("kind in ('video','srt','mrk','gpx')", name="media_kind_known"),
        CheckConstraint("state in ('waiting','done','failed')", name="media_state_known"),
        UniqueConstraint("flight_id", "name", "sha256", name="medium_once_per_flight"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(400))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), server_default="waiting")
    frames: Mapped[int] = mapped_column(server_default=text("0"))
    code: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    remedy: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    processed_at: Mapped[datetime | None] = mapped_column(AWARE)
