"""Under what conditions something was seen: camera, height, season, place, as SQL and as codes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, String, case, cast, func, literal, literal_column
from sqlalchemy.dialects.postgresql import JSONPATH

from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow


class Dimension(StrEnum):
    """By what things are cut into slices; ``all`` is everything together."""

    ALL = "all"
    CAMERA = "camera"
    ALTITUDE = "altitude"
    SEASON = "season"
    PLACE = "place"
    MODEL = "model"


UNKNOWN: Final = ""
"""The value of a slice of which nobody can say where it belongs."""

ALTITUDE_EDGES_M: Final = (30.0, 60.0, 120.0)
"""Above take-off. 120 m is the limit of flights without a permit; half of it halves a pixel."""

ALTITUDE_BANDS: Final = ("0-30", "30-60", "60-120", "120-")
SEASONS: Final = {
    "spring": ("03", "04", "05"),
    "summer": ("06", "07", "08"),
    "autumn": ("09", "10", "11"),
    "winter": ("12", "01", "02"),
}
"""Of the northern hemisphere, by month."""

PLACE_LEVELS: Final = ("district", "street")


def camera_of() -> ColumnElement[str]:
    """Return the camera of a photo as it calls itself."""
    return func.coalesce(PhotoRow.camera_model, UNKNOWN)


def altitude_of() -> ColumnElement[str]:
    """Return the band of a photo's height above take-off."""
    height = PhotoRow.altitude_agl_m
    bands = zip(ALTITUDE_EDGES_M, ALTITUDE_BANDS, strict=False)
    below = [(height < edge, literal(band)) for edge, band in bands]
    return case((height.is_(None), literal(UNKNOWN)), *below, else_=literal(ALTITUDE_BANDS[-1]))


def season_of() -> ColumnElement[str]:
    """Return the season in which the camera says that a photo was taken."""
    month = func.substring(PhotoRow.captured_at, r"^\d{4}-(\d\d)-")
    cases = [(month.in_(months), literal(name)) for name, months in SEASONS.items()]
    return case(*cases, else_=literal(UNKNOWN))


def place_of() -> ColumnElement[str]:
    """Return the district that a candidate lies in, else its street, else the flight's site."""
    named = [
        func.jsonb_path_query_first(
            CandidateRow.areas, cast(f'$[*] ? (@.level == "{level}").name', JSONPATH)
        ).op("#>>")(literal_column("'{}'::text[]"))
        for level in PLACE_LEVELS
    ]
    return func.coalesce(*named, FlightRow.site, UNKNOWN)


def model_of() -> ColumnElement[str]:
    """Return the model of a detection, ``name@`` and the first twelve digits of its weights."""
    return cast(DetectionRow.model_name + "@" + func.left(DetectionRow.weights_sha256, 12), String)
