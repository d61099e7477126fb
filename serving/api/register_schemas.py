"""What goes out over HTTP about building registers."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from serving.api.schemas import Answer


class RegisterNote(Answer):
    """Something about a register that was noted when it was read: a code, how often, where."""

    code: str
    count: int
    lines: list[int] = Field(description="the first lines of the file that it concerns")


class RegisterAnswer(Answer):
    """The register of a layer of buildings. The file itself is not kept."""

    id: int
    layer_id: int
    layer_name: str
    name: str
    file_name: str
    sha256: str
    size_bytes: int
    fields: dict[str, str] = Field(description="what was read -> the column of the file")
    notes: list[RegisterNote]
    row_count: int
    joined_count: int = Field(description="buildings that have a row")
    building_count: int = Field(description="buildings of the layer")
    created_by: str | None
    created_at: datetime


class RegisterList(Answer):
    """The registers in use, newest first."""

    items: list[RegisterAnswer]


class RegisterEntry(Answer):
    """One row of a register; ``building_id`` is null where it belongs to no building."""

    line: int = Field(description="as a person counts the lines of the file")
    building_no: str | None = Field(description="as the file says")
    building_id: str | None
    permitted_storeys: int | None
    permitted_height_m: float | None
    permitted_area_m2: float | None
    use: str | None
    land_permit: str | None
    planning_permit: str | None
    construction_permit: str | None


class RegisterEntryPage(Answer):
    """Rows of a register in the order of the file."""

    items: list[RegisterEntry]
    next_cursor: str | None
