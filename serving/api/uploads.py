"""Uploads that go on where they broke off: tus 1.0.0.

Own code, because the one library for FastAPI adds what comes to the end of the file instead of at
the offset, so that a crash between bytes and offset spoils the file; it knows no checksums and
keeps bodies in memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.tus import (
    ALGORITHMS,
    EXTENSIONS,
    Checksum,
    UploadHead,
    check_content_type,
    check_version,
    read_checksum,
    read_number,
    read_upload_head,
)
from serving.api.upload_body import receive_body, take_empty
from serving.api.upload_turns import TURNS
from serving.audit.log import Subject, record
from serving.deps import FlightReader, FlightWriter, Services, ServicesDep
from serving.flights.errors import UploadNotFoundError, WrongOffsetError
from serving.flights.upload import clean_file_name
from serving.flights.uploads import (
    Transfer,
    begin_upload,
    end_upload,
    get_transfer,
    require_open,
)
from serving.flights.uploads_disk import UploadFolder
from serving.flights.uploads_files import AnnouncedFile

router = APIRouter(tags=["uploads"])

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a piece belongs and what it has to hash to."""

    offset_bytes: int
    checksum: Checksum | None


def read_version(_: FlightWriter, request: Request) -> None:
    """Let only our version of the protocol through, after those who may send anything at all."""
    check_version(request.headers.get("tus-resumable"))


def read_id(_: FlightWriter, upload_id: str) -> str:
    """Return the name of an upload.

    Raises:
        UploadNotFoundError: no upload has such a name.
    """
    if not UPLOAD_ID.fullmatch(upload_id):
        raise UploadNotFoundError
    return upload_id


UploadId = Annotated[str, Depends(read_id)]


def read_head(request: Request) -> UploadHead:
    """Return what the request says of the file that it begins."""
    headers = request.headers
    return read_upload_head(headers.get("upload-length"), headers.get("upload-metadata"))


def read_piece(request: Request) -> Piece:
    """Return what the request says of the bytes that it brings."""
    check_content_type(request.headers.get("content-type"))
    offset_bytes = read_number("Upload-Offset", request.headers.get("upload-offset"))
    return Piece(offset_bytes, read_checksum(request.headers.get("upload-checksum")))


Version = Depends(read_version)


@router.options("/uploads", status_code=204, include_in_schema=False)
def describe_protocol(_: FlightReader, services: ServicesDep, response: Response) -> None:
    """Say what this server can do."""
    response.headers["Tus-Version"] = "1.0.0"
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
    response.headers["Tus-Max-Size"] = str(services.settings.max_transfer_bytes)


@router.post(
    "/flights/{flight_id}/uploads",
    status_code=201,
    response_class=Response,
    dependencies=[Version],
    responses=describe_problems(404, 409, 412, 413, 415, 460, 507),
)
async def create_upload(
    flight_id: FlightId,
    person: FlightWriter,
    head: Annotated[UploadHead, Depends(read_head)],
    request: Request,
    services: ServicesDep,
) -> Response:
    """Begin the upload of one file, or find the one that was begun; the first piece may follow."""
    folder = UploadFolder(services.settings.resolved_data_dir)
    checksum = read_checksum(request.headers.get("upload-checksum"))
    if _brings_body(request):
        check_content_type(request.headers.get("content-type"))
    file = AnnouncedFile(clean_file_name(head.file_name), head.length_bytes, head.sha256)

    def begin() -> Transfer:
        with services.sessions.begin() as session:
            return begin_upload(
                session, folder, services.settings, flight_id, file, created_by=person.user_id
            )

    transfer = await run_in_threadpool(begin)
    if transfer.length_bytes == 0:
        transfer = await run_in_threadpool(take_empty, services, transfer)
    elif _brings_body(request):
        async with TURNS.take(transfer.upload_id) as turn:
            transfer = await run_in_threadpool(_find, services, folder, transfer.upload_id)
            if transfer.offset_bytes == 0:
                transfer = await receive_body(request, turn, services, transfer, checksum)
    location = {"Location": f"/api/v1/uploads/{transfer.upload_id}"}
    return Response(status_code=201, headers=location | _describe(transfer))


@router.head("/uploads/{upload_id}", dependencies=[Version], include_in_schema=False)
async def read_offset(upload_id: UploadId, _: FlightWriter, services: ServicesDep) -> Response:
    """Say how many bytes are here. Whoever still writes is stopped first: the answer stays true."""
    folder = UploadFolder(services.settings.resolved_data_dir)
    async with TURNS.take(upload_id):
        transfer = await run_in_threadpool(_find, services, folder, upload_id)
    length = {"Upload-Length": str(transfer.length_bytes), "Cache-Control": "no-store"}
    return Response(status_code=200, headers=length | _describe(transfer))


@router.patch(
    "/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    dependencies=[Version],
    responses=describe_problems(404, 409, 412, 413, 415, 423, 460, 507),
)
async def append(
    upload_id: UploadId,
    _: FlightWriter,
    piece: Annotated[Piece, Depends(read_piece)],
    request: Request,
    services: ServicesDep,
) -> Response:
    """Add a piece at its offset. After a 204 its bytes are on disk for good."""
    folder = UploadFolder(services.settings.resolved_data_dir)

    def find() -> Transfer:
        with services.sessions() as session:
            transfer = get_transfer(session, folder, upload_id)
            if not transfer.is_complete:
                require_open(session, transfer.flight_id)
            return transfer

    async with TURNS.take(upload_id) as turn:
        transfer = await run_in_threadpool(find)
        if piece.offset_bytes != transfer.offset_bytes:
            raise WrongOffsetError(transfer.offset_bytes)
        if not transfer.is_complete:
            transfer = await receive_body(request, turn, services, transfer, piece.checksum)
    return Response(status_code=204, headers=_describe(transfer))


@router.delete(
    "/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    dependencies=[Version],
    responses=describe_problems(404, 409, 412),
)
async def terminate(upload_id: UploadId, person: FlightWriter, services: ServicesDep) -> Response:
    """Forget what came of a file; it stays announced."""
    folder = UploadFolder(services.settings.resolved_data_dir)

    def end() -> None:
        with services.sessions.begin() as session:
            file = end_upload(session, folder, upload_id)
            subject = Subject("flight", str(file.flight_id))
            record(session, person.actor, "delete_upload", subject, before={"path": file.path})

    async with TURNS.take(upload_id):
        await run_in_threadpool(end)
    return Response(status_code=204)


def _find(services: Services, folder: UploadFolder, upload_id: str) -> Transfer:
    with services.sessions() as session:
        return get_transfer(session, folder, upload_id)


def _brings_body(request: Request) -> bool:
    length = request.headers.get("content-length")
    return "transfer-encoding" in request.headers or length not in {None, "0"}


def _describe(transfer: Transfer) -> dict[str, str]:
    return {
        "Upload-Offset": str(transfer.offset_bytes),
        "Upload-Expires": format_datetime(transfer.expires_at.astimezone(UTC), usegmt=True),
    }
