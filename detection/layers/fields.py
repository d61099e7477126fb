"""Which column of a file holds what: named by the user, or one of the usual names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.errors import LayerFieldError

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "feature_id": (
        "building_id", "cover_id", "area_id", "id", "code", "no", "bsm", "bm", "objid", "osm_id",
        "编号", "编码", "标识码", "建筑编号", "房屋编号", "楼栋编号", "井盖编号", "部件编号",
        "网格编号", "网格编码", "行政区代码", "区划代码", "objectid", "fid", "gid",
    ),
    "name": (
        "name", "mc", "title", "address", "addr:housenumber", "名称", "建筑名称", "楼栋名称",
        "房屋名称", "网格名称", "社区名称", "街道名称", "区县名称", "地址", "门牌号",
    ),
    "height": (
        "height_m", "height", "building:height", "bldg_height", "hgt", "h", "高度", "建筑高度",
        "房屋高度", "楼高", "建筑高",
    ),
    "storeys": (
        "storeys", "stories", "storey", "floors", "floor", "levels", "building:levels",
        "building_levels", "num_floors", "层数", "楼层", "楼层数", "地上层数", "建筑层数",
        "房屋层数", "总层数",
    ),
    "level": ("level", "admin_level", "type", "级别", "层级", "类型", "区划级别"),
    "diameter": ("diameter_m", "diameter", "dia", "直径", "井盖直径", "井盖尺寸", "规格"),
}  # fmt: skip
"""Looked for in this order, whatever their case."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_MAX_HEIGHT_M = 1000.0
_MAX_STOREYS = 250
_MILLIMETRES_FROM = 10.0
"""No cover is ten metres wide, so a larger diameter is in millimetres."""


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """Names of the file's fields to take; None lets the reader look for the usual names."""

    feature_id: str | None = None
    name: str | None = None
    height: str | None = None
    storeys: str | None = None
    level: str | None = None
    diameter: str | None = None


def find_fields(columns: Mapping[str, object], choice: FieldChoice | None) -> dict[str, str]:
    """Return the column of each role (see `FieldChoice`) that the file has.

    Raises:
        LayerFieldError: a column that the user named is not there.
    """
    by_plain = {name.strip().lower(): name for name in reversed(list(columns))}
    found: dict[str, str] = {}
    for role, usual in USUAL_NAMES.items():
        wanted = getattr(choice, role) if choice is not None else None
        if wanted is None:
            column = next((by_plain[name] for name in usual if name in by_plain), None)
        elif wanted in columns:
            column = wanted
        else:
            message = f"The file has no field {wanted!r}."
            raise LayerFieldError(message, remedy=f"It has: {', '.join(columns) or 'none'}.")
        if column is not None:
            found[role] = column
    return found


def text_from_value(value: object) -> str:
    """Return a field as text; numbers that are whole without a decimal point, nothing as ''."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def number_from_value(value: object) -> float | None:
    """Return the first number in a field (``18``, ``18.5 m``, ``6层``); None without one."""
    found = _NUMBER.search(text_from_value(value))
    return float(found[0]) if found else None


def height_from_value(value: object) -> float | None:
    """Return a height in metres; None where it is no possible height."""
    number = number_from_value(value)
    return number if number is not None and 0.0 < number <= _MAX_HEIGHT_M else None


def storeys_from_value(value: object) -> int | None:
    """Return a number of storeys; None where it is no possible number."""
    number = number_from_value(value)
    return int(number) if number is not None and 1.0 <= number <= _MAX_STOREYS else None


def diameter_from_value(value: object) -> float | None:
    """Return a diameter in metres of a field in metres or millimetres (``0.7``, ``Φ700``)."""
    number = number_from_value(value)
    if number is None or number <= 0.0:
        return None
    return number / 1000.0 if number >= _MILLIMETRES_FROM else number


def plain_value(value: object) -> object:
    """Return a field as a value that JSON knows."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def list_properties(columns: Mapping[str, NDArray[np.generic]], row: int) -> dict[str, object]:
    """Return the fields of one row as values that JSON knows."""
    return {name: plain_value(values[row]) for name, values in columns.items()}
