"""What is said over HTTP of the files of a flight: announced, on their way, in, refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from serving.api.schemas import MAX_ID, Answer
from serving.flights.uploads_kinds import FileKind

MAX_ANNOUNCED = 1000
FileState = Literal["expected", "transferring", "checking", "accepted", "rejected"]
Sha256 = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{64}$")]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Obstacle = Literal["nothing_announced", "nothing_accepted", "files_missing", "not_verified"]


class FileAnnounced(BaseModel):
    """One file that will be sent; with its hash, what is here already need not be."""

    model_config = ConfigDict(extra="forbid")

    path: FilePath = Field(description="relative to what was dropped, with forward slashes")
    size: int = Field(ge=0, le=MAX_ID)
    sha256: Sha256 | None = None
    mtime: AwareDatetime | None = Field(None, description="not used; for clients that send it")


class AnnounceRequest(BaseModel):
    """Files that will be sent."""

    model_config = ConfigDict(extra="forbid")

    files: Annotated[list[FileAnnounced], Field(min_length=1, max_length=MAX_ANNOUNCED)]


class FileItem(Answer):
    """One file of a flight: how far it is, and why it was refused."""

    id: int
    path: str
    size_bytes: int
    kind: FileKind
    state: FileState
    offset: int = Field(description="bytes that are here for certain")
    upload_url: str | None = Field(description="while transferring: go on here, at offset")
    sha256: str | None = Field(description="measured from the bytes on this server's disk")
    code: str | None
    message: str | None
    remedy: str | None
    known_in: list[int] = Field(description="other flights that hold the same content")
    photo_id: int | None
    media_id: int | None
    archive_id: int | None = Field(description="the file that this one came out of")
    verified_at: datetime | None
    changed_at: datetime


class AnnounceAnswer(Answer):
    """The announced files, in the order in which they were named."""

    items: list[FileItem]


class FilePage(Answer):
    """A page of files; ``as_of`` is what to ask ``since`` next time."""

    items: list[FileItem]
    next_cursor: str | None
    as_of: datetime


class FileCountsAnswer(Answer):
    """How many files are in which state. Bytes leave out what came out of archives."""

    total: int
    expected: int
    transferring: int
    checking: int
    accepted: int
    rejected: int
    bytes_total: int
    bytes_received: int
    bytes_accepted: int
    rejected_by_code: dict[str, int]


class FileProgress(FileCountsAnswer):
    """The counts, and whether what is on the card is needed any more."""

    card_may_be_wiped: bool


class MissingFile(Answer):
    """A file that lies on the card alone."""

    path: str
    size_bytes: int
    state: FileState


class ReceiptFile(MissingFile):
    """A file on a receipt."""

    kind: FileKind
    sha256: str | None
    verified_at: datetime | None = Field(description="when the stored bytes were hashed again")
    code: str | None
    message: str | None
    remedy: str | None
    known_in: list[int]
    archive: str | None


class ReceiptAnswer(Answer):
    """The receipt of a flight."""

    flight_id: int
    flight_name: str
    site: str | None
    issued_at: datetime
    card_may_be_wiped: bool
    why_not: Obstacle | None
    counts: FileCountsAnswer
    missing_count: int
    missing: list[MissingFile]
    list_sha256: str = Field(description="of the lines '<sha256>  <path>' of what is in, by path")
    files: list[ReceiptFile]


class SubmitRequest(BaseModel):
    """How to submit; ``leave_out_open`` goes on without the files that are not in yet."""

    model_config = ConfigDict(extra="forbid")

    leave_out_open: bool = False
