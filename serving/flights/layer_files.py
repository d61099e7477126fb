"""What kind of file was brought as a layer, and a path under which a reader may open it.

GDAL decides by content what it opens, and some of its formats name other files or addresses. So
the content is looked at here first, and only four formats get through.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from serving.flights.errors import LayerFormatError

HEAD_BYTES = 512
MAX_STEM_CHARS = 80
UNSAFE = re.compile(r"[^\w-]")
TIFF_MAGIC: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
SHAPE_PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
SHAPE_NEEDED: Final = (".shp", ".shx", ".dbf")
MAX_UNPACKED_BYTES = 1_000_000_000
READ_REMEDY = "Give GeoJSON, a GeoPackage, a zipped Shapefile or, for the ground, a GeoTIFF."
ZIP_REMEDY = "Zip one Shapefile: its .shp, .shx, .dbf and .prj, nothing else."


@contextmanager
def open_layer_file(path: Path, file_name: str, *, is_terrain: bool) -> Iterator[Path]:
    """Yield a path with the right ending to the content of ``path``; gone after the block.

    It is called after ``file_name``, which readers repeat in their messages.

    Raises:
        LayerFormatError: the content is no layer, or no terrain where terrain is wanted.
    """
    suffix = identify(path)
    if (suffix == ".tif") != is_terrain:
        wanted = "A GeoTIFF" if is_terrain else "A file of buildings, covers or areas"
        message = f"{wanted} is wanted here, and this is a {suffix} file."
        raise LayerFormatError(message, remedy=READ_REMEDY)
    stem = UNSAFE.sub("_", PurePosixPath(file_name).stem)[:MAX_STEM_CHARS] or "layer"
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-layer-"))
    try:
        if suffix == ".zip":
            yield _unpack_shapefile(path, folder / f"{stem}.shp")
        else:
            link = folder / f"{stem}{suffix}"
            link.symlink_to(path.resolve())
            yield link
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def identify(path: Path) -> str:
    """Return the ending that the content deserves, whatever the name says.

    Raises:
        LayerFormatError: it is none of the four formats.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith(b"SQLite format 3\x00"):
        return ".gpkg"
    if head.startswith(b"PK\x03\x04"):
        return ".zip"
    if head.startswith(TIFF_MAGIC):
        return ".tif"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return ".geojson"
    message = "The content is neither GeoJSON nor GeoPackage, Shapefile or GeoTIFF."
    raise LayerFormatError(message, remedy=READ_REMEDY)


def _unpack_shapefile(path: Path, target: Path) -> Path:
    """Unpack the parts of the one Shapefile in a zip; no name from inside becomes a path."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _shape_parts(archive)
            for suffix, info in parts.items():
                with archive.open(info) as source, target.with_suffix(suffix).open("wb") as part:
                    shutil.copyfileobj(source, part)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        message = f"The zip file cannot be unpacked: {error}."
        raise LayerFormatError(message, remedy=ZIP_REMEDY) from error
    return target


def _shape_parts(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = [info for info in archive.infolist() if not info.is_dir()]
    shapes = [info for info in entries if info.filename.lower().endswith(".shp")]
    if len(shapes) != 1:
        message = f"The zip file holds {len(shapes)} Shapefiles."
        raise LayerFormatError(message, remedy=ZIP_REMEDY)
    stem = PurePosixPath(shapes[0].filename).with_suffix("")
    parts = {
        suffix: info
        for info in entries
        if PurePosixPath(info.filename).with_suffix("") == stem
        and (suffix := PurePosixPath(info.filename).suffix.lower()) in SHAPE_PARTS
    }
    missing = [suffix for suffix in SHAPE_NEEDED if suffix not in parts]
    if missing:
        message = f"The Shapefile lacks its {', '.join(missing)}."
        raise LayerFormatError(message, remedy=ZIP_REMEDY)
    if sum(info.file_size for info in parts.values()) > MAX_UNPACKED_BYTES:
        message = f"The Shapefile is larger than {MAX_UNPACKED_BYTES // 10**9} GB unpacked."
        raise LayerFormatError(message, remedy="Cut it into parts and import each.")
    return parts
