"""What the register says of a building: storeys, use, how many storeys were permitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detection.layers.fields import storeys_from_value
from serving.db.tables import LayerFeatureRow

USE_FIELDS: Final = (
    "use", "usage", "building:use", "function", "用途", "建筑用途", "房屋用途", "使用性质",
    "经营情况",
)  # fmt: skip
PERMITTED_FIELDS: Final = (
    "permitted_storeys", "permitted_floors", "approved_storeys", "许可层数", "批准层数",
    "审批层数", "规划层数", "证载层数",
)  # fmt: skip
MAX_TEXT: Final = 80


@dataclass(frozen=True, slots=True)
class BuildingCard:
    """A building as its layer has it; None where the layer does not say."""

    name: str | None
    roof_height_m: float | None
    storeys: int | None
    permitted_storeys: int | None
    use: str | None


def card_from_row(row: LayerFeatureRow) -> BuildingCard:
    """Return what is told of a building; fields are known by name, whatever their case."""
    permitted = _first_value(row, PERMITTED_FIELDS)
    use = _first_value(row, USE_FIELDS)
    return BuildingCard(
        name=row.name,
        roof_height_m=row.height_m,
        storeys=row.storeys,
        permitted_storeys=None if permitted is None else storeys_from_value(permitted),
        use=None if use is None else str(use).strip()[:MAX_TEXT],
    )


def _first_value(row: LayerFeatureRow, names: Iterable[str]) -> object | None:
    by_name = {name.casefold(): value for name, value in row.properties.items()}
    values = (by_name.get(name) for name in names)
    return next((value for value in values if value is not None and str(value).strip()), None)
