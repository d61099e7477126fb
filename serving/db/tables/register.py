"""Imported building registers: what the buildings of a layer are permitted to be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    Identity,
    Index,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class BuildingRegisterRow(Base):
    """One imported file of what the buildings of one layer are permitted to be.

    A newer file of the same layer replaces the earlier one as a whole: its row stays, with
    ``replaced_by``, and so do its entries, because candidates name what they said. The file itself
    is not kept, for such files also name owners; ``sha256`` tells whether it is the same one.
    ``fields`` says which column was read as what, ``notes`` holds ``{code, count, lines}``, the
    first lines of the file that it concerns. ``row_count`` counts the rows of the file,
    ``joined_count`` those that belong to a building.
    """

    __tablename__ = "building_registers"
    __table_args__ = (
        Index(
            "register_current_once",
            "layer_id",
            unique=True,
            postgresql_where=text("replaced_at is null and deleted_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    layer_id: Mapped[int] = mapped_column(ForeignKey("layers.id"))
    name: Mapped[str] = mapped_column(String(200))
    file_name: Mapped[str] = mapped_column(String(400))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    fields: Mapped[dict[str, str]] = mapped_column(JSONB)
    notes: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    row_count: Mapped[int]
    joined_count: Mapped[int]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("building_registers.id"))
    replaced_at: Mapped[datetime | None] = mapped_column(AWARE)
    deleted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None] = mapped_column(AWARE)


class RegisterEntryRow(Base):
    """One row of a register, ``ordinal`` as the file numbers it; only what is mapped.

    ``feature_ordinal`` names the building within the register's layer; null where the row belongs
    to none of its buildings, or repeats an earlier row of one.
    """

    __tablename__ = "register_entries"
    __table_args__ = (Index("register_entries_building", "register_id", "feature_ordinal"),)

    register_id: Mapped[int] = mapped_column(ForeignKey("building_registers.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    feature_ordinal: Mapped[int | None]
    building_no: Mapped[str | None] = mapped_column(String(200))
    permitted_storeys: Mapped[int | None]
    permitted_height_m: Mapped[float | None] = mapped_column(Float)
    permitted_area_m2: Mapped[float | None] = mapped_column(Float)
    use: Mapped[str | None] = mapped_column(String(200))
    land_permit: Mapped[str | None] = mapped_column(String(200))
    planning_permit: Mapped[str | None] = mapped_column(String(200))
    construction_permit: Mapped[str | None] = mapped_column(String(200))
