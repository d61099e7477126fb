"""Send a source into a flight: announce, hash, send, have it checked, submit, read the receipt."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from serving.client.errors import FileUnsendableError, ServerRefusedError
from serving.client.flights import (
    FileCounts,
    FileState,
    FlightCalls,
    FlightWanted,
    KnownFile,
    Receipt,
)
from serving.client.journal import Journal
from serving.client.senders import Errand, Senders, Unsent
from serving.client.sources import Source, SourceFile
from serving.client.tus import TusUpload

HASHED_AT_ONCE = 32
"""Files are hashed in such portions, so that the first are on their way while others are read."""

ASK_S = 1.0
TO_SEND = frozenset({FileState.EXPECTED, FileState.TRANSFERRING})
SPOILED_ON_THE_WAY = frozenset({"left_out", "upload_damaged", "processing_crashed"})
"""Refused for what happened to them, not for what they are: the next run sends them again."""

FLIGHT_GONE, DUPLICATE = "flight_not_found", "duplicate_photo"


class Watcher(Protocol):
    """Who is told how far an upload is; called from several threads."""

    def begin(self, flight_id: int, source: Source, *, goes_on: bool) -> None:
        """Say that ``source`` goes to a flight, perhaps where an earlier command stopped."""

    def reads(self, file: SourceFile) -> None:
        """Say that a file is read to be hashed: a long video takes minutes."""

    def moved(self, file: SourceFile, offset: int) -> None:
        """Say how many bytes of a file the server has."""

    def checked(self, counts: FileCounts) -> None:
        """Say how many files the server has looked at."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How to send; ``flight_id`` names a draft to send to instead of a new flight.

    ``leave_out`` submits although some files could not be sent; they are named. ``patience_s`` is
    how long the server may stand still while it checks.
    """

    wanted: FlightWanted
    flight_id: int | None = None
    parallel: int = 4
    piece_bytes: int = 4 * 1024 * 1024
    submit: bool = True
    leave_out: bool = False
    patience_s: float = 600.0


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """What became of every file.

    Without ``counts`` nothing was new: all files went with that flight before. ``repeated`` are
    in other flights too.
    """

    flight_id: int
    counts: FileCounts | None = None
    refused: tuple[KnownFile, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    receipt: Receipt | None = None
    is_submitted: bool = False
    repeated: tuple[KnownFile, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every file of the source is in; a second copy of one that is adds nothing."""
        is_refused = any(one.code != DUPLICATE for one in self.refused)
        return self.open == 0 and not is_refused and not self.unsent

    @property
    def open(self) -> int:
        """How many files are on their way or not checked yet."""
        counts = self.counts
        return counts.expected + counts.transferring + counts.checking if counts else 0


@dataclass(slots=True)
class Upload:
    """One run of the command."""

    calls: FlightCalls
    journal: Journal
    options: UploadOptions
    watcher: Watcher
    _hashes: dict[str, str] = field(default_factory=dict)
    _unsent: list[Unsent] = field(default_factory=list)
    _repeated: list[KnownFile] = field(default_factory=list)

    def run(self, source: Source) -> UploadOutcome:
        """Bring ``source`` into a flight, going on where an earlier run stopped.

        Raises:
            HazardLensError: what ends the whole upload; running it again goes on.
        """
        self._unsent += [Unsent(name, "It cannot be read.") for name in source.unreadable]
        is_begun = self._is_draft_of_ours()
        if self.options.flight_id is None and not is_begun:
            source = self._leave_out_earlier(source)
            if not source.files and self.journal.flight_id is not None:
                return UploadOutcome(self.journal.flight_id, unsent=tuple(self._unsent))
        flight_id = self._choose_flight(is_begun=is_begun)
        self.watcher.begin(flight_id, source, goes_on=is_begun)
        # The receipt must know of every file before the first one is in.
        self.calls.announce(flight_id, [(file, self._known_hash(file)) for file in source.files])
        self._send_all(flight_id, source.files)
        counts = self._wait_checked(flight_id)
        refused = tuple(self.calls.list_files(flight_id, FileState.REJECTED))
        is_submitted = self._submit(flight_id, counts)
        return UploadOutcome(
            flight_id,
            counts,
            refused,
            tuple(self._unsent),
            self.calls.read_receipt(flight_id),
            is_submitted,
            tuple(self._repeated),
        )

    def _is_draft_of_ours(self) -> bool:
        """Whether an earlier run began a flight that is still open."""
        flight_id = self.journal.flight_id
        if flight_id is None or self.journal.is_submitted:
            return False
        try:
            state = self.calls.read_state(flight_id)
        except ServerRefusedError as error:
            if error.problem != FLIGHT_GONE:
                raise
            return False
        if state != "draft":  # closed on the pages meanwhile
            taken = self.calls.list_files(flight_id, FileState.ACCEPTED)
            self.journal.end_flight(one.sha256 for one in taken)
        return state == "draft"

    def _choose_flight(self, *, is_begun: bool) -> int:
        flight_id = self.options.flight_id
        if flight_id is None and is_begun:
            flight_id = self.journal.flight_id
        if flight_id is None:
            flight_id = self.calls.create(self.options.wanted)
        if flight_id != self.journal.flight_id:
            self.journal.begin_flight(flight_id)
        return flight_id

    def _leave_out_earlier(self, source: Source) -> Source:
        """Return what of ``source`` went with no earlier flight of this folder."""
        if self.journal.flight_id is None:
            return source
        find = self.journal.find_earlier_flight
        fresh = tuple(file for file, sha256 in self._hash(source.files) if find(sha256) is None)
        return replace(source, files=fresh)

    def _send_all(self, flight_id: int, files: Sequence[SourceFile]) -> None:
        """Hash in portions and send what the server does not have, several files at once."""
        senders = Senders(self.options.parallel, lambda errand: self._send(flight_id, errand))
        for start in range(0, len(files), HASHED_AT_ONCE):
            hashed = list(self._hash(files[start : start + HASHED_AT_ONCE]))
            known = self.calls.announce(flight_id, list(hashed))
            for (file, sha256), one in zip(hashed, known, strict=True):
                if one.known_in:
                    self._repeated.append(one)
                if one.state in TO_SEND:
                    senders.put(Errand(file, sha256, one))
                else:
                    self.watcher.moved(file, file.size)
            self._unsent += senders.settle(until_empty=False)
        self._unsent += senders.settle(until_empty=True)

    def _send(self, flight_id: int, errand: Errand) -> None:
        file = errand.file
        metadata = {"filename": file.name, "sha256": errand.sha256, "mtime": file.modified_at}
        upload = TusUpload(
            self.calls.connection,
            f"/api/v1/flights/{flight_id}/uploads",
            metadata,
            location=errand.known.upload_url,
            piece_bytes=self.options.piece_bytes,
        )
        upload.send(file.path, file.size, lambda offset: self.watcher.moved(file, offset))

    def _known_hash(self, file: SourceFile) -> str | None:
        return self._hashes.get(file.name) or self.journal.find_hash(file)

    def _hash(self, files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, str]]:
        """Yield files with their hashes; those that cannot be read are noted instead."""
        fresh: list[tuple[SourceFile, str]] = []
        for file in files:
            sha256 = self._known_hash(file)
            if sha256 is None:
                self.watcher.reads(file)
                try:
                    sha256 = hash_file(file)
                except FileUnsendableError as error:
                    self._unsent.append(Unsent(file.name, str(error)))
                    continue
                fresh.append((file, sha256))
            self._hashes[file.name] = sha256
            yield file, sha256
        self.journal.keep_hashes(fresh)

    def _wait_checked(self, flight_id: int) -> FileCounts:
        """Wait until the server has looked at everything that it was sent, while it gets on."""
        before, moved = None, time.monotonic()
        while True:
            counts = self.calls.count(flight_id)
            self.watcher.checked(counts)
            if counts != before:
                before, moved = counts, time.monotonic()
            if not counts.checking or time.monotonic() - moved > self.options.patience_s:
                return counts
            time.sleep(ASK_S)

    def _submit(self, flight_id: int, counts: FileCounts) -> bool:
        """Close the flight; not where files are missing, unless they may be left out."""
        is_open = counts.expected or counts.transferring or counts.checking
        is_whole = not self._unsent and not is_open
        if not self.options.submit or not (is_whole or self.options.leave_out):
            return False
        if not counts.accepted:
            return False
        self.calls.submit(flight_id, leave_out_open=self.options.leave_out)
        refused = self.calls.list_files(flight_id, FileState.REJECTED)
        unsent = {one.path for one in refused if one.code in SPOILED_ON_THE_WAY}
        unsent |= {one.name for one in self._unsent}
        self.journal.end_flight(h for name, h in self._hashes.items() if name not in unsent)
        return True


def hash_file(file: SourceFile) -> str:
    """Return the SHA-256 of a file as hex.

    Raises:
        FileUnsendableError: it cannot be read, or does not have the size it was listed with.
    """
    try:
        with file.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
    except OSError as error:
        message = f"{file.path} cannot be read: {error.strerror or error}."
        raise FileUnsendableError(message, remedy="Check the card, then run it again.") from error
    if size != file.size:
        message = f"{file.path} is still being written."
        raise FileUnsendableError(message, remedy="Wait until it is whole, then run it again.")
    return digest
