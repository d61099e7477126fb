"""All files of a report, each whole or not there."""

from __future__ import annotations

from pathlib import Path

from detection.coco import write_coco_results
from detection.report.content import FlightReport
from detection.report.crops import ReadPixels, write_crops
from detection.report.files import write_atomic, write_json
from detection.report.geojson import build_candidates_geojson
from detection.report.messages import Trouble, list_trouble
from detection.report.page import render_page


def write_report(out_dir: Path, report: FlightReport, read_pixels: ReadPixels) -> Path:
    """Write every file of the report into an existing folder; returns the page's path.

    ``read_pixels`` gives the RGB pixels of a photo, or None where it cannot be read any more.
    """
    photos = {photo.photo_id: photo for photo in report.photos}
    crops = write_crops(out_dir, report.candidates, photos, read_pixels)
    write_json(out_dir / "candidates.geojson", build_candidates_geojson(report, crops))
    write_coco_results(
        out_dir / "detections.json",
        report.photos_looked_at,
        [geo.detection for geo in report.detections],
        {"description": report.name, "config_hash": report.config_hash},
    )
    trouble = list_trouble(report.failures, report.photos)
    write_json(out_dir / "failures.json", [_row_from_trouble(row) for row in trouble])
    page_path = out_dir / "report.html"
    write_atomic(page_path, render_page(report, crops).encode())
    return page_path


def _row_from_trouble(row: Trouble) -> dict[str, str]:
    return {
        "photo_id": row.photo_id,
        "code": row.code,
        "severity": row.severity.value,
        "message": row.message.en,
        "remedy": row.remedy.en,
        "message_zh": row.message.zh,
        "remedy_zh": row.remedy.zh,
    }
