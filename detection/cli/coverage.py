"""The command `hazardlens coverage`: what a flight covered, before anybody looks for hazards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np

from detection.cli.flight_source import find_own_folders
from detection.cli.layer_files import LayerFiles, read_layer_files
from detection.cli.photo_quality import measure_qualities
from detection.coverage.coverage import Coverage, TargetKind
from detection.coverage.document import build_coverage_document
from detection.coverage.footprint import compute_footprints
from detection.coverage.geojson import build_footprints_geojson, build_refly_geojson
from detection.coverage.kml import build_refly_kml
from detection.coverage.measure import measure_coverage
from detection.coverage.page import CoveragePage, render_page
from detection.coverage.refly import ReflySpot, list_refly
from detection.domain.errors import InvalidInputError
from detection.domain.photo import Flight, FlightKind
from detection.domain.quality import PhotoQuality
from detection.georeference import Surroundings
from detection.ingest.exiftool import find_exiftool
from detection.ingest.flight import read_flight
from detection.layers.layer import find_middle, unwrap_lonlat
from detection.needs import NEEDS_PATH, load_needs
from detection.report.files import prepare_folder, write_atomic, write_json
from detection.report.messages import load_messages
from detection.settings import load_settings
from detection.terrain import Terrain

EXIT_CODES = """\b
Exit codes:
    0  done; what was not seen is listed and does not change this
    2  the flight, a layer, the ground model, the output folder or an option cannot be used
    3  the folder holds no photo that can be used
    5  the needs file or a setting cannot be used
  130  interrupted; nothing half-written is left
"""

_FILE = click.Path(path_type=Path)
_ROUND_DEG = 0.02
"""So much of the ground model round the cameras is read: two kilometres."""


@click.command(epilog=EXIT_CODES)
@click.argument("flight", type=_FILE)
@click.option("--out", required=True, type=_FILE, help="Folder for results.")
@click.option("--buildings", type=_FILE, help="Building footprints: GeoJSON, GeoPackage, SHP, ZIP.")
@click.option("--covers", type=_FILE, help="Inventory of manhole covers, as points.")
@click.option("--area", type=_FILE, help="What was to be flown; else all between the photos.")
@click.option(
    "--crs",
    "declared",
    multiple=True,
    metavar="LAYER=CRS",
    help="Coordinate system of a layer, whatever its file says: covers=GCJ-02. Repeatable.",
)
@click.option(
    "--field",
    "chosen",
    multiple=True,
    metavar="LAYER.ROLE=FIELD",
    help="Field to take: buildings.height=LOUGAO. Roles: id, name, height, storeys, diameter.",
)
@click.option("--dem", type=_FILE, help="Ground model (GeoTIFF). Default: flat ground.")
@click.option("--needs", "needs_path", type=_FILE, help="Default: configs/coverage.yaml.")
@click.option("--quality/--no-quality", default=True, help="Measure blur and exposure (decodes).")
@click.option("--name", help="Name of the flight. Default: the folder's name.")
def coverage(
    *,
    flight: Path,
    out: Path,
    buildings: Path | None,
    covers: Path | None,
    area: Path | None,
    declared: tuple[str, ...],
    chosen: tuple[str, ...],
    dem: Path | None,
    needs_path: Path | None,
    quality: bool,
    name: str | None,
) -> None:
    """Tell what the photos below FLIGHT show of buildings, covers and areas, and what to fly again.

    Writes coverage.json, footprints.geojson, refly.geojson, refly.kml and coverage.html, which
    opens offline, into the folder given with --out. Nothing is detected.
    """
    needs = load_needs(needs_path or NEEDS_PATH)
    layers = read_layer_files(LayerFiles(buildings, covers, area), declared=declared, chosen=chosen)
    if flight.resolve() == out.resolve():
        message = f"The output folder is the flight folder {flight} itself."
        raise InvalidInputError(message, remedy="Give another folder with --out.")
    prepare_folder(out)
    own = {out.resolve(), *find_own_folders(flight.resolve(), out)}
    name = name or flight.resolve().name
    program = find_exiftool(load_settings().exiftool)
    photos = read_flight(flight, FlightKind.DRONE, name, left_out=own, exiftool=program)
    terrain = _settle_terrain(dem, photos)
    qualities: Mapping[str, PhotoQuality] = measure_qualities(photos.photos) if quality else {}
    footprints = compute_footprints(photos.photos, terrain, qualities=qualities)
    result = measure_coverage(
        footprints,
        buildings=layers.buildings,
        covers=layers.covers,
        area=layers.area,
        needs=needs,
        terrain=terrain,
    )
    spots = list_refly(result)
    page = CoveragePage(
        photos.name, result, spots, layers.list_warnings(footprints), datetime.now(UTC).astimezone()
    )
    _write_files(out, page)
    click.echo("\n".join(_summarize(result, spots, out / "coverage.html")))


def _settle_terrain(dem: Path | None, flight: Flight) -> Terrain | None:
    """Read the ground round the flight, its zero at the take-off."""
    places = [(one.pose.lon, one.pose.lat) for one in flight.photos if one.pose is not None]
    if dem is None or not places:
        return None
    lonlat = np.array(places)
    lonlat = unwrap_lonlat(lonlat, find_middle(lonlat)[0])
    (west, south), (east, north) = lonlat.min(axis=0) - _ROUND_DEG, lonlat.max(axis=0) + _ROUND_DEG
    near = (float(west), float(south), float(east), float(north))
    return Surroundings(terrain=Terrain.open(dem, near=near)).settle(flight.photos).terrain


def _write_files(out: Path, page: CoveragePage) -> None:
    document = build_coverage_document(page.coverage, page.spots)
    warnings = [
        {"layer": name, "code": one.code, "count": one.count, "detail": one.detail}
        for name, one in page.layer_warnings
    ]
    write_json(out / "coverage.json", {"flight": page.name, **document, "warnings": warnings})
    write_json(out / "footprints.geojson", build_footprints_geojson(page.coverage))
    write_json(out / "refly.geojson", build_refly_geojson(page.spots))
    write_atomic(out / "refly.kml", build_refly_kml(page.name, page.spots))
    html = render_page(page, load_messages().explain)
    write_atomic(out / "coverage.html", html.encode())


def _summarize(result: Coverage, spots: tuple[ReflySpot, ...], page: Path) -> list[str]:
    shown = sum(bool(one.ring) for one in result.footprints)
    shares = {
        "Buildings covered": result.compute_share(TargetKind.BUILDING),
        "Covers covered": result.compute_share(TargetKind.COVER),
        "Area covered": result.compute_area_share(),
    }
    flagged = sum(bool(one.codes) for one in result.flags)
    return [
        f"Photos: {len(result.footprints)}, with a footprint {shown}, with a flaw {flagged}",
        *(f"{key}: {100 * part:.1f} %" for key, part in shares.items() if part is not None),
        f"Spots to fly again: {len(spots)}",
        f"Page: {page}",
    ]
