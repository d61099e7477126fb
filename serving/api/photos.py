"""One photo: facts, original, thumbnail, deep-zoom tiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import FileResponse

from detection.domain.errors import HazardLensError
from serving.api.pictures import CACHE_FOR_EVER, IMAGE_ANSWER, answer_picture
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID, PhotoAnswer
from serving.api.views import view_photo
from serving.db.tables import PhotoRow
from serving.deps import FlightReader, Services, ServicesDep, SessionDep
from serving.flights.catalogue import get_photo
from serving.storage.derivatives import TileNotFoundError

router = APIRouter(prefix="/photos", tags=["photos"])

PhotoId = Annotated[int, Path(ge=1, le=MAX_ID)]
Small = Annotated[int, Path(ge=0, le=1_000_000)]


class ThumbnailSize(IntEnum):
    """Length of a thumbnail's longer side in pixels; few, so that the cache stays small."""

    TINY = 128
    SMALL = 256
    MEDIUM = 512
    LARGE = 1024


class NoSuchTileError(HazardLensError):
    """The level, column or row is outside the photo."""

    code = "tile_not_found"


class PhotoFileMissingError(HazardLensError):
    """The photo's file is gone from the data folder."""

    code = "photo_file_missing"


@router.get("/{photo_id}", responses=describe_problems(404))
def read_photo(photo_id: PhotoId, _: FlightReader, session: SessionDep) -> PhotoAnswer:
    """Return the facts of a photo and where its pictures are."""
    return view_photo(get_photo(session, photo_id))


@router.get("/{photo_id}/original", response_class=FileResponse, responses=describe_problems(404))
def read_original(photo_id: PhotoId, _: FlightReader, services: ServicesDep) -> FileResponse:
    """Return the file exactly as it was uploaded."""
    row = find_photo(services, photo_id)
    return FileResponse(
        photo_file(services, row),
        media_type=row.media_type,
        filename=row.name.rsplit("/", 1)[-1],
        content_disposition_type="attachment",
        headers={"Cache-Control": CACHE_FOR_EVER, "ETag": f'"{row.sha256}"'},
    )


@router.get(
    "/{photo_id}/thumbnail",
    response_class=FileResponse,
    responses=describe_problems(404) | IMAGE_ANSWER,
)
def read_thumbnail(
    photo_id: PhotoId,
    _: FlightReader,
    services: ServicesDep,
    size: ThumbnailSize = ThumbnailSize.MEDIUM,
) -> FileResponse:
    """Return the photo made small; the longer side has ``size`` pixels."""
    row = find_photo(services, photo_id)
    path = services.derivatives.thumbnail(photo_file(services, row), row.sha256, size)
    return answer_picture(path)


@dataclass(frozen=True, slots=True)
class TileAddress:
    """One deep-zoom tile."""

    level: Small
    x: Small
    y: Small


@router.get(
    "/{photo_id}/tiles/{level}/{x}_{y}.jpg",
    response_class=Response,
    responses=describe_problems(404) | IMAGE_ANSWER,
)
def read_tile(
    photo_id: PhotoId,
    tile: Annotated[TileAddress, Depends()],
    _: FlightReader,
    services: ServicesDep,
) -> Response:
    """Return one tile of the full-resolution photo; levels as in DZI, level 0 is one pixel."""
    row = find_photo(services, photo_id)
    path = photo_file(services, row)
    try:
        data = services.derivatives.zoom_tile(path, row.sha256, tile.level, tile.x, tile.y)
    except TileNotFoundError as error:
        message = f"Photo {photo_id} has no tile {tile.level}/{tile.x}_{tile.y}."
        raise NoSuchTileError(message, remedy="See max_level of the photo.") from error
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": CACHE_FOR_EVER})


def find_photo(services: Services, photo_id: int) -> PhotoRow:
    """Return a photo in a session of its own: no connection is held while pictures are made.

    Raises:
        PhotoNotFoundError: there is none with this number.
    """
    with services.sessions() as session:
        return get_photo(session, photo_id)


def photo_file(services: Services, row: PhotoRow) -> FilePath:
    """Return where a photo's file lies.

    Raises:
        PhotoFileMissingError: it is gone.
    """
    path = services.store.path_of(row.sha256)
    if not path.is_file():
        message = f"The file of photo {row.id} is missing from the data folder."
        raise PhotoFileMissingError(message, remedy="Restore the data folder from the backup.")
    return path
