"""Imported files of buildings, covers, areas and heights."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class LayerRow(Base):
    """One imported file: buildings, covers, areas of one level, key places, or the ground.

    The file lies under its ``sha256`` and is never needed again, except for terrain. ``crs`` is
    what was declared; features are EPSG:4326. ``level`` is empty for all but areas. ``fields``
    says which field of the file was read as what, ``warnings`` holds ``{code, count, detail}``.
    The sides bound the layer in degrees. Deleted layers keep their rows and their file, because
    candidates name what lay in them.
    """

    __tablename__ = "layers"
    __table_args__ = (
        CheckConstraint(
            "kind in ('buildings','covers','areas','terrain','key_places')",
            name="layer_kind_known",
        ),
        CheckConstraint(
            "level in ('','district','street','community','grid','survey')",
            name="layer_level_known",
        ),
        CheckConstraint("(kind = 'areas') = (level <> '')", name="layer_level_of_areas"),
        Index(
            "layer_file_once",
            "kind",
            "level",
            "sha256",
            unique=True,
            postgresql_where=text("deleted_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    level: Mapped[str] = mapped_column(String(16), server_default="")
    name: Mapped[str] = mapped_column(String(200))
    crs: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(400))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    feature_count: Mapped[int]
    fields: Mapped[dict[str, str]] = mapped_column(JSONB)
    warnings: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    west: Mapped[float] = mapped_column(Float)
    south: Mapped[float] = mapped_column(Float)
    east: Mapped[float] = mapped_column(Float)
    north: Mapped[float] = mapped_column(Float)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    deleted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None] = mapped_column(AWARE)


class LayerFeatureRow(Base):
    """One building, cover, area or key place. ``geometry`` is WKB, EPSG:4326.

    The sides are its bounds.
    """

    __tablename__ = "layer_features"
    __table_args__ = (Index("layer_features_place", "layer_id", "west", "south", "east", "north"),)

    layer_id: Mapped[int] = mapped_column(ForeignKey("layers.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    feature_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(String(400))
    west: Mapped[float] = mapped_column(Float)
    south: Mapped[float] = mapped_column(Float)
    east: Mapped[float] = mapped_column(Float)
    north: Mapped[float] = mapped_column(Float)
    geometry: Mapped[bytes] = mapped_column(LargeBinary)
    height_m: Mapped[float | None] = mapped_column(Float)
    storeys: Mapped[int | None]
    diameter_m: Mapped[float | None] = mapped_column(Float)
    properties: Mapped[dict[str, object]] = mapped_column(JSONB)
