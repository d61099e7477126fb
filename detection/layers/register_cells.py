"""The cells of a building register by role, whatever the file is: CSV, workbook or vector file."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import shapely

from detection.domain.errors import (
    RegisterError,
    RegisterReaderMissingError,
    RegisterWithoutColumnsError,
)
from detection.layers.register_settings import RegisterColumns, RegisterSettings
from detection.layers.table import SUFFIXES as VECTOR_SUFFIXES
from detection.layers.table import read_table

TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
WORKBOOK_SUFFIXES = (".xlsx", ".xls")
REGISTER_SUFFIXES = (*TEXT_SUFFIXES, *WORKBOOK_SUFFIXES, *VECTOR_SUFFIXES)

_DELIMITERS = ",\t;|"
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_WORKBOOK_HEADS = {".xlsx": b"PK", ".xls": b"\xd0\xcf\x11\xe0"}
_BESIDE_NAME = re.compile(r"\(.*\)|\[.*\]|[\s*:_-]|/.*$")
_REMEDY = "Save it again as CSV (UTF-8 or GBK), XLSX or GeoJSON."
_MEGABYTE = 2**20

Cell = object
Grid = Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class RegisterCells:
    """The rows below the header: number in the file as a person counts it, and cells by role.

    ``columns`` pairs each role with the column's name. Where ``crs`` is given, the cells ``lon``
    and ``lat`` are coordinates of the shapes of a vector file in that system.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[int, Mapping[str, Cell]], ...]
    crs: str | None = None


def read_cells(path: Path, settings: RegisterSettings) -> RegisterCells:
    """Read what the mapped columns of a file hold; the others are dropped here.

    Raises:
        RegisterError: the file cannot be read, or has no column of permitted storeys.
        LayerError: it is a vector file that cannot be read.
    """
    suffix = path.suffix.lower()
    _check_size(path, settings)
    if suffix in VECTOR_SUFFIXES:
        return _read_vector(path, settings)
    if suffix in WORKBOOK_SUFFIXES:
        return _read_workbook(path, settings)
    if suffix in TEXT_SUFFIXES:
        return _read_text(path, settings)
    message = f"{path.name} is no register that can be read: {', '.join(REGISTER_SUFFIXES)} can."
    raise RegisterError(message, remedy=_REMEDY)


def plain_name(name: object) -> str:
    """Return a column's name as it is compared: no case, spaces, brackets or unit behind it."""
    return _BESIDE_NAME.sub("", unicodedata.normalize("NFKC", str(name))).casefold()


def find_columns(names: Sequence[Cell], columns: RegisterColumns) -> dict[str, int]:
    """Return the index of the column of each role that a header has."""
    by_name = {plain_name(name): index for index, name in reversed(list(enumerate(names)))}
    found: dict[str, int] = {}
    for role, usual in columns:
        index = next((by_name[one] for name in usual if (one := plain_name(name)) in by_name), None)
        if index is not None:
            found[role] = index
    return found


def _check_size(path: Path, settings: RegisterSettings) -> None:
    try:
        size = path.stat().st_size
        if path.suffix.lower() == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                size = sum(one.file_size for one in archive.infolist())
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        message = f"{path.name} cannot be opened: {error}."
        raise RegisterError(message, remedy=_REMEDY) from error
    if size > settings.max_file_mb * _MEGABYTE:
        message = f"{path.name} holds more than {settings.max_file_mb} MB."
        raise RegisterError(message, remedy="Cut the register to one district or town.")


def _read_vector(path: Path, settings: RegisterSettings) -> RegisterCells:
    table = read_table(path)
    names = list(table.columns)
    found = _require_columns(find_columns(names, settings.columns), names, path)
    values = {role: table.columns[names[index]] for role, index in found.items()}
    points = [None if shape is None else shapely.point_on_surface(shape) for shape in table.shapes]
    rows = []
    for index, point in enumerate(points):
        cells = {role: column[index] for role, column in values.items()}
        if point is not None and not point.is_empty:
            cells |= {"lon": point.x, "lat": point.y}
        rows.append((index + 1, cells))
    columns = tuple((role, names[index]) for role, index in found.items())
    return RegisterCells(columns, tuple(rows), table.crs or "EPSG:4326")


def _read_text(path: Path, settings: RegisterSettings) -> RegisterCells:
    text = _decode(path.read_bytes(), path.name)
    delimiter = max(_DELIMITERS, key=lambda mark: _count_columns(text, mark, settings))
    try:
        grid = list(_split_text(text, delimiter))
    except csv.Error as error:
        message = f"{path.name} cannot be read: {error}."
        raise RegisterError(message, remedy=_REMEDY) from error
    return _cells_from_grid(grid, path, settings)


def _count_columns(text: str, delimiter: str, settings: RegisterSettings) -> int:
    """Return how many columns the header has if this sign parts them."""
    try:
        top = list(islice(_split_text(text, delimiter), settings.header_rows))
    except csv.Error:
        return 0
    return len(_find_header(top, settings)[1])


def _decode(content: bytes, name: str) -> str:
    """Return the text of UTF-8, UTF-16 or GBK; the latter is what Chinese spreadsheets write."""
    encodings = [_BYTE_ORDER_MARKS[content[:2]]] if content[:2] in _BYTE_ORDER_MARKS else []
    for encoding in (*encodings, "utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    message = f"{name} is text in no encoding that is known."
    raise RegisterError(message, remedy=_REMEDY)


def _split_text(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _read_workbook(path: Path, settings: RegisterSettings) -> RegisterCells:
    """Read the one visible sheet whose header has the wanted columns."""
    with path.open("rb") as file:
        if not file.read(4).startswith(_WORKBOOK_HEADS[path.suffix.lower()]):
            message = f"{path.name} is not what its name says, or is protected by a password."
            raise RegisterError(message, remedy="Save it without a password as XLSX or CSV.")
    sheets = dict(_list_sheets(path))
    fitting = [
        name
        for name, grid in sheets.items()
        if "permitted_storeys" in _find_header(grid, settings)[1]
    ]
    if len(fitting) > 1:
        message = f"{path.name} holds {len(fitting)} sheets that look like a register."
        remedy = f"Put the rows into one sheet, or export one of: {', '.join(fitting[:5])}."
        raise RegisterError(message, remedy=remedy)
    chosen = fitting[0] if fitting else next(iter(sheets), None)
    return _cells_from_grid(sheets[chosen] if chosen is not None else [], path, settings)


def _list_sheets(path: Path) -> Iterator[tuple[str, Grid]]:
    try:
        import python_calamine as calamine  # noqa: PLC0415  # the light install may leave it out
    except ImportError as error:
        message = "Workbooks need the package python-calamine, which is not installed."
        remedy = "Install it (pip install python-calamine), or save the register as CSV."
        raise RegisterReaderMissingError(message, remedy=remedy) from error
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            for sheet in book.sheets_metadata:
                if sheet.visible is calamine.SheetVisibleEnum.Visible:
                    grid = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
                    yield sheet.name, grid
    except (calamine.CalamineError, OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise RegisterError(message, remedy="Save it without a password as XLSX or CSV.") from error


def _find_header(grid: Grid, settings: RegisterSettings) -> tuple[int, dict[str, int]]:
    """Return the index of the header row and its columns: of the first rows what fits best."""
    best: tuple[int, dict[str, int]] = (0, {})
    for index, names in enumerate(grid[: settings.header_rows]):
        found = find_columns(names, settings.columns)
        if len(found) > len(best[1]):
            best = (index, found)
    return best


def _cells_from_grid(grid: Grid, path: Path, settings: RegisterSettings) -> RegisterCells:
    header, found = _find_header(grid, settings)
    names = [str(name) for name in grid[header]] if grid else []
    _require_columns(found, names, path)
    rows = (
        (number, {role: row[index] for role, index in found.items() if index < len(row)})
        for number, row in enumerate(grid[header + 1 :], start=header + 2)
        if _has_content(row)
    )
    return RegisterCells(tuple((role, names[i]) for role, i in found.items()), tuple(rows))


def _has_content(row: Iterable[Cell]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in row)


def _require_columns(found: dict[str, int], names: Sequence[str], path: Path) -> dict[str, int]:
    """Check that a register says how many storeys are permitted.

    Raises:
        RegisterWithoutColumnsError: it does not, under any of the usual names.
    """
    if "permitted_storeys" not in found:
        shown = ", ".join(name.strip() for name in names if name.strip())[:200]
        message = (
            f"{path.name} has no column of permitted storeys (许可层数). It has: {shown or '-'}."
        )
        remedy = "Rename the column, or add its name to configs/register.yaml."
        raise RegisterWithoutColumnsError(message, remedy=remedy)
    return found
