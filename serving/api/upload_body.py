"""The body of a transfer onto the disk, with little memory and no connection to the database."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from serving.api.tus import Checksum
from serving.api.upload_turns import Turn, TurnOverError
from serving.deps import Services
from serving.flights.errors import (
    ChecksumMismatchError,
    UploadLockedError,
    UploadTooLongError,
)
from serving.flights.uploads import Transfer
from serving.flights.uploads_disk import StagedWriter, UploadFolder
from serving.jobs.intake import acknowledge_bytes

BLOCK_BYTES = 1 << 20
SYNC_EVERY_BYTES = 16 << 20
"""So much is written at most before it is acknowledged, where no checksum decides about it."""


class Receiver:
    """Writes what comes and acknowledges what is safe.

    A piece with a checksum counts whole or not at all. Without one everything counts that is on
    the disk, because a link that breaks often would never get a large piece through.
    """

    def __init__(
        self, services: Services, transfer: Transfer, checksum: Checksum | None = None
    ) -> None:
        """Open the file behind the bytes that are there.

        Raises:
            UploadLockedError: another process writes to it.
        """
        self._services = services
        self._folder = folder = UploadFolder(services.settings.resolved_data_dir)
        self._transfer, self._checksum = transfer, checksum
        self._hash = checksum.start() if checksum else None
        self._at = transfer.offset_bytes
        self._writer = StagedWriter(folder.path_of(transfer.upload_id), self._at)

    def write(self, block: bytes) -> None:
        """Add bytes.

        Raises:
            UploadTooLongError: the file has fewer.
            DiskFullError: there is no room.
        """
        if self._at + len(block) > self._transfer.length_bytes:
            raise UploadTooLongError(self._transfer.length_bytes)
        self._writer.write(block)
        self._at += len(block)
        if self._hash is not None:
            self._hash.update(block)
        elif self._at - self._transfer.offset_bytes >= SYNC_EVERY_BYTES:
            self._acknowledge()

    def finish(self) -> Transfer:
        """Acknowledge the whole piece.

        Raises:
            ChecksumMismatchError: it is not what was sent; nothing of it counts.
        """
        if self._hash is not None and self._checksum is not None:
            if self._hash.digest() != self._checksum.digest:
                raise ChecksumMismatchError
            self._hash = None
        self._acknowledge()
        return self._transfer

    def give_up(self) -> None:
        """Acknowledge what came of a piece that broke off, where no checksum is against it."""
        if self._hash is None:
            self._acknowledge()

    def close(self) -> None:
        """Let others write."""
        self._writer.close()

    def _acknowledge(self) -> None:
        if self._at == self._transfer.offset_bytes:
            return
        self._writer.sync()
        services = self._services
        self._transfer = acknowledge_bytes(
            services.sessions, services.settings, self._folder, self._transfer, self._at
        )


async def receive_body(
    request: Request,
    turn: Turn,
    services: Services,
    transfer: Transfer,
    checksum: Checksum | None,
) -> Transfer:
    """Take the body in and return the transfer as it is then.

    Raises:
        UploadLockedError: a newer request took over, or the connection died.
        UploadTooLongError: the file has fewer bytes.
        ChecksumMismatchError: the piece is not what was sent.
        DiskFullError: there is no room.
    """
    receiver = await run_in_threadpool(Receiver, services, transfer, checksum)
    buffer = bytearray()
    try:
        async for block in turn.read(request):
            buffer += block
            if len(buffer) >= BLOCK_BYTES:
                await run_in_threadpool(receiver.write, bytes(buffer))
                buffer.clear()
        await run_in_threadpool(receiver.write, bytes(buffer))
        return await run_in_threadpool(receiver.finish)
    except TurnOverError as error:
        await run_in_threadpool(receiver.write, bytes(buffer))
        await run_in_threadpool(receiver.give_up)
        raise UploadLockedError from error
    finally:
        receiver.close()  # not in a thread: it has to happen when the request is cancelled too


def take_empty(services: Services, transfer: Transfer) -> Transfer:
    """Complete a file that has no bytes; the check will name it."""
    Receiver(services, transfer).close()
    folder = UploadFolder(services.settings.resolved_data_dir)
    return acknowledge_bytes(services.sessions, services.settings, folder, transfer, 0)
