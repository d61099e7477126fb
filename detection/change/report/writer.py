"""All files of a report, whole or not there."""

from __future__ import annotations

from pathlib import Path

from detection.change.report.content import ChangeReport, ReportPictures
from detection.change.report.document import (
    build_csv,
    build_geojson,
    build_parts_geojson,
    build_summary,
)
from detection.change.report.page import render_page
from detection.change.report.texts import load_texts
from detection.report.files import write_atomic, write_json


def write_report(out_dir: Path, report: ChangeReport, pictures: ReportPictures, lang: str) -> Path:
    """Write GeoJSON, CSV, JSON and the page into ``out_dir``; return the page's path.

    The page comes last: where it is, everything that it refers to is there too.
    """
    write_json(out_dir / f"{report.kind}.geojson", build_geojson(report))
    if report.base is not None:
        write_json(out_dir / "change_parts.geojson", build_parts_geojson(report))
    write_atomic(out_dir / f"{report.kind}.csv", build_csv(report, load_texts(), lang))
    write_json(out_dir / f"{report.kind}.json", build_summary(report))
    page = out_dir / f"{report.kind}.html"
    write_atomic(page, render_page(report, pictures, lang).encode())
    return page
