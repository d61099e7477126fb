"""``candidates.geojson`` (RFC 7946): longitude before latitude, no crs member, WGS 84."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from detection.domain.ellipse import compute_ellipse
from detection.domain.finding import (
    Candidate,
    GeoDetection,
    GroundPoint,
    OnBuilding,
    ViewVotes,
)
from detection.report.content import FlightReport, rank_candidates
from detection.taxonomy import load_taxonomy

COORDINATE_DECIMALS = 7
"""About a centimetre; more digits would claim what no photo knows."""

CropNames = Mapping[tuple[str, int], str]
"""Candidate key and index of the sighting to the crop's path beside the report."""


def build_candidates_geojson(report: FlightReport, crops: CropNames) -> dict[str, object]:
    """Return the feature collection; a candidate without a place has ``geometry: null``."""
    return {
        "type": "FeatureCollection",
        "name": report.name,
        "config_hash": report.config_hash,
        "features": [
            _build_feature(one, report, crops) for one in rank_candidates(report.candidates)
        ],
    }


def _build_feature(
    candidate: Candidate, report: FlightReport, crops: CropNames
) -> dict[str, object]:
    entry = load_taxonomy()[candidate.hazard_class]
    properties: dict[str, object] = {
        "status": "candidate",
        "hazard_class": candidate.hazard_class.value,
        "name_zh": entry.name_zh,
        "name_en": entry.name_en,
        "attention_order": entry.attention_order,
        "score": round(candidate.score, 4),
        "error_m": None if candidate.error_m is None else round(candidate.error_m, 2),
        "ellipse": _build_ellipse(candidate.ground),
        "method": candidate.ground.method if candidate.ground else None,
        "unplaced_reason": find_unplaced_reason(candidate),
        "on_building": _build_building(candidate.on_building),
        "areas": [
            {
                "level": area.level,
                "id": area.area_id,
                "name": area.name,
                "near_border": area.near_border,
            }
            for area in candidate.areas
        ],
        "votes": _build_votes(candidate.votes),
        "is_ambiguous": candidate.is_ambiguous,
        "models": _list_models(candidate.sightings),
        "sightings": [
            _build_sighting(sighting, report, crops.get((candidate.key, index)))
            for index, sighting in enumerate(candidate.sightings)
        ],
    }
    return {
        "type": "Feature",
        "id": candidate.key,
        "geometry": _build_point(candidate),
        "properties": properties,
    }


def find_unplaced_reason(candidate: Candidate) -> str | None:
    """Return why a candidate has no place: the reason of its best sighting; None if it has one."""
    if candidate.ground is not None:
        return None
    return next((one.unplaced_reason for one in candidate.sightings if one.unplaced_reason), None)


def _build_point(candidate: Candidate) -> dict[str, object] | None:
    if candidate.lon is None or candidate.lat is None:
        return None
    lon, lat = (round(value, COORDINATE_DECIMALS) for value in (candidate.lon, candidate.lat))
    return {"type": "Point", "coordinates": [lon, lat]}


def _build_ellipse(ground: GroundPoint | None) -> dict[str, float] | None:
    if ground is None:
        return None
    ellipse = compute_ellipse(ground)
    return {
        "semi_major_m": round(ellipse.semi_major_m, 2),
        "semi_minor_m": round(ellipse.semi_minor_m, 2),
        "angle_deg": round(ellipse.angle_deg, 1),
    }


def _build_building(found: OnBuilding | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "id": found.building_id,
        "part": found.part.value,
        "height_m": round(found.height_m, 2),
        "height_std_m": round(found.height_std_m, 2),
        "probability": round(found.probability, 3),
    }


def _build_votes(votes: ViewVotes | None) -> dict[str, object] | None:
    if votes is None:
        return None
    counts = {hazard_class.value: count for hazard_class, count in votes.counts}
    return {"counts": counts, "views": votes.views, "covering": votes.covering}


def _list_models(sightings: Sequence[GeoDetection]) -> list[dict[str, str]]:
    pairs = {(one.detection.model_name, one.detection.weights_sha256) for one in sightings}
    return [{"name": name, "weights_sha256": sha256} for name, sha256 in sorted(pairs)]


def _build_sighting(
    sighting: GeoDetection, report: FlightReport, crop: str | None
) -> dict[str, object]:
    found = sighting.detection
    threshold, calibration = report.threshold_of(found)
    return {
        "photo_id": found.photo_id,
        "hazard_class": found.hazard_class.value,
        "score": round(found.score, 4),
        "threshold": threshold,
        "calibration": calibration,
        "bbox_xyxy": [round(side, 1) for side in found.bbox_xyxy.xyxy],
        "crop": crop,
        "measure": None if sighting.measure is None else asdict(sighting.measure),
    }
