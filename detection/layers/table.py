"""A vector file as it is: shapes, columns and its own coordinate system."""

from __future__ import annotations

import codecs
import json
import lzma
import mmap
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError

from detection.domain.errors import LayerError
from detection.layers.layer import GeometryArray

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
SUFFIXES = (".geojson", ".json", ".shp", ".gpkg", ".zip")
MAX_UNPACKED_BYTES = 2 * 1024**3

_DBF_HEAD_BYTES = 32
_BLOCK_BYTES = 2**20

_HEADS = {
    ".geojson": (b"{", b"\xef\xbb\xbf{"),
    ".json": (b"{", b"\xef\xbb\xbf{"),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".gpkg": (b"SQLite format 3\x00",),
    ".zip": (b"PK",),
}
_JSON_SUFFIXES = (".geojson", ".json")
_JSON_CRS = re.compile(
    rb"""["'](?:c|\\u00[46]3)(?:r|\\u00[57]2)(?:s|\\u00[57]3)["']\s*:?\s*""", re.IGNORECASE
)
"""A member `crs` of a JSON file, however it is escaped, up to its value."""

_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, ValueError, EOFError, OSError,
)  # fmt: skip
"""What a damaged or protected archive raises, or a full disk."""

_MAX_CRS_BYTES = 64 * 1024
_REFERENCES = frozenset({"href", "url"})
_REMEDY = "Export it again as GeoJSON, GeoPackage or Shapefile (zipped with .dbf and .prj)."


@dataclass(frozen=True, slots=True)
class VectorTable:
    """The rows of one file: shapes ``(n,)`` (None where a row has none) and columns ``(n,)``."""

    shapes: GeometryArray
    columns: Mapping[str, NDArray[np.generic]]
    crs: str | None


def read_table(path: Path) -> VectorTable:
    """Read a GeoJSON, GeoPackage or Shapefile, or a ZIP file that holds one.

    Only these formats are opened, by their first bytes: others of the library may fetch what
    they refer to. So would a GeoJSON whose coordinate system is an address: it is refused.

    Raises:
        LayerError: it is none of these, is damaged, or holds several tables.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        message = f"{path} is not a file."
        raise LayerError(message, remedy="Give a GeoJSON, GeoPackage, Shapefile or ZIP file.")
    _check_head(path, suffix)
    if suffix != ".zip":
        return _read(path)
    with tempfile.TemporaryDirectory() as folder:
        return _read(_unpack(path, Path(folder)))


def _check_head(path: Path, suffix: str) -> None:
    heads = _HEADS.get(suffix)
    if heads is None:
        message = f"{path.name} is no layer that can be read: {', '.join(SUFFIXES)} can."
        raise LayerError(message, remedy=_REMEDY)
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip()
    except OSError as error:
        message = f"{path.name} cannot be opened: {error.strerror}."
        raise LayerError(message, remedy="Check that you may read it.") from error
    if not head.startswith(heads):
        message = f"{path.name} is not what its name says."
        raise LayerError(message, remedy=_REMEDY)


def _unpack(path: Path, folder: Path) -> Path:
    """Unpack the one layer of a ZIP file under a plain name; names inside are not trusted."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            main = [one for one in members if _suffix(one) in SUFFIXES[:-1]]
            main = [one for one in main if not one.filename.startswith("__MACOSX")]
            if len(main) != 1:
                message = f"{path.name} holds {len(main)} layers instead of one."
                raise LayerError(message, remedy="Pack each layer into a ZIP file of its own.")
            stem = PurePosixPath(main[0].filename).with_suffix("")
            parts = [one for one in members if PurePosixPath(one.filename).with_suffix("") == stem]
            if sum(one.file_size for one in parts) > MAX_UNPACKED_BYTES:
                message = f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES >> 30} GB."
                raise LayerError(message, remedy="Cut the layer to the city or district.")
            for one in parts:
                if _suffix(one) in SHAPEFILE_PARTS or one in main:
                    to = folder / f"layer{_suffix(one)}"
                    with archive.open(one) as packed, to.open("wb") as unpacked_file:
                        shutil.copyfileobj(packed, unpacked_file)
            unpacked = folder / f"layer{_suffix(main[0])}"
    except _ZIP_ERRORS as error:
        message = f"{path.name} cannot be unpacked: {error}."
        raise LayerError(message, remedy="Pack it again without a password.") from error
    _check_head(unpacked, unpacked.suffix)
    return unpacked


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _refuse_references(path: Path) -> None:
    """Refuse a JSON file that names an address for its coordinate system; GDAL would go there."""
    if path.suffix.lower() not in _JSON_SUFFIXES:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for match in _JSON_CRS.finditer(content):
            if _is_reference(content[match.end() : match.end() + _MAX_CRS_BYTES]):
                message = f"{path.name} refers to another place for its coordinate system."
                raise LayerError(message, remedy=_REMEDY)


def _is_reference(value: bytes) -> bool:
    """Tell whether JSON starts with an object that refers to elsewhere, or cannot be told."""
    if not value.startswith((b"{", b"/")):  # a comment may hide an object
        return False
    names: set[str] = set()

    def note_names(pairs: list[tuple[str, object]]) -> None:
        names.update(name.lower() for name, _ in pairs)

    try:
        json.JSONDecoder(object_pairs_hook=note_names).raw_decode(value.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return True
    return bool(names & _REFERENCES)


def _read(path: Path) -> VectorTable:
    _refuse_references(path)
    source = _name_source(path)
    try:
        table = _choose_table(source, path.name)
        meta, _, shapes_wkb, columns = pyogrio.raw.read(
            source, layer=table, force_2d=True, encoding=_find_encoding(path)
        )
    except (DataSourceError, DataLayerError, GeometryError, FieldError, UnicodeError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise LayerError(message, remedy=_REMEDY) from error
    if shapes_wkb is None:
        shapes_wkb = np.empty(0, dtype=object)
    shapes = np.asarray(shapely.from_wkb(shapes_wkb, on_invalid="ignore"), dtype=object)
    named = dict(zip((str(name) for name in meta["fields"]), columns, strict=True))
    return VectorTable(shapes, named, meta["crs"])


def _name_source(path: Path) -> str:
    """Return what the library shall open.

    JSON may be a program too (the GDALG format), which reads other files and addresses as soon
    as it is opened; the prefix leaves it to the reader of GeoJSON alone.
    """
    is_json = path.suffix.lower() in _JSON_SUFFIXES
    return f"GeoJSON:{path}" if is_json else str(path)


def _choose_table(source: str, file_name: str) -> str:
    """Return the name of the only table with shapes."""
    names = [str(name) for name, kind in pyogrio.list_layers(source) if kind is not None]
    if len(names) == 1:
        return names[0]
    found = ", ".join(names[:5]) or "none"
    message = f"{file_name} holds {len(names)} tables with shapes ({found}) instead of one."
    raise LayerError(message, remedy="Export the wanted table alone.")


def _find_encoding(path: Path) -> str | None:
    """Return the text encoding of a Shapefile that does not name it; None leaves it to GDAL.

    Chinese programs that leave it out write GBK, others UTF-8, which other text never is by
    chance.
    """
    attributes = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or path.with_suffix(".cpg").is_file():
        return None
    if not attributes.is_file():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with attributes.open("rb") as file:
            file.seek(_DBF_HEAD_BYTES)
            while block := file.read(_BLOCK_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"
