"""What is known of the photos of a comparison: camera, flight, size of a pixel, what is alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.data.annotation import AnnotatedPhoto
from training.data.decisions_tables import read_photo_rows

GSD_BANDS_MM = (5, 10, 20)
FACETS = ("camera", "gsd", "kind", "flight", "view", "source", "surface")
_APART = "|"
_MM = 1000


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """One photo: what it is drawn together with, and its value of each facet that is known.

    ``unit`` are photos that show one place; they say much the same and are drawn as one.
    """

    unit: str
    facets: Mapping[str, str] = field(default_factory=dict)
    flight_id: str = ""
    captured_on: str = ""
    side: str = ""


def read_facts(version: Path) -> dict[str, PhotoFacts]:
    """Return the facts of the photos of a version that was made of decisions, by name."""
    rows = read_photo_rows(version)
    unit_of = name_units(rows)
    return {row["photo"]: _facts_of(row, unit_of[row["photo_sha256"]]) for row in rows}


def name_units(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the unit of each photo (sha256) and place: what shows one place is one unit.

    Photos that share no place are one unit where others that show both tie them.
    """
    units: list[set[str]] = []
    for row in rows:
        keys = {row["photo_sha256"], *filter(None, row["places"].split(_APART))}
        tied = [unit for unit in units if unit & keys]
        units = [*(unit for unit in units if not unit & keys), keys.union(*tied)]
    return {key: min(unit) for unit in units for key in unit}


def _facts_of(row: Mapping[str, str], unit: str) -> PhotoFacts:
    facets = {
        "camera": row["camera"],
        "gsd": name_gsd_band(float(row["gsd_m"])) if row["gsd_m"] else "",
        "kind": row["flight_kind"],
        "flight": row["flight_name"],
    }
    return PhotoFacts(
        unit=unit,
        facets={key: value for key, value in facets.items() if value},
        flight_id=row["flight_id"],
        captured_on=row["captured_on"],
        side=row["side"],
    )


def facts_of_photo(photo: AnnotatedPhoto) -> PhotoFacts:
    """Return the facts of a photo of a labelled set."""
    said = {key: getattr(photo.origin, key) for key in ("view", "source", "surface")}
    return PhotoFacts(
        unit=f"{photo.dataset}/{photo.group}",
        facets={key: value for key, value in said.items() if value},
    )


def name_gsd_band(gsd_m: float) -> str:
    """Return the band of a size of a pixel on the ground, in millimetres.

    >>> name_gsd_band(0.0074)
    '5-10 mm'
    """
    edges = [0, *GSD_BANDS_MM]
    low = max(edge for edge in edges if edge <= gsd_m * _MM)
    above = [edge for edge in GSD_BANDS_MM if edge > low]
    if not above:
        return f"≥ {low} mm"
    return f"{low}-{above[0]} mm" if low else f"< {above[0]} mm"


def find_last_flights(facts: Mapping[str, PhotoFacts], count: int) -> list[str]:
    """Return the numbers of the newest flights by day of capture, the newest first."""
    days = {one.flight_id: one.captured_on for one in facts.values() if one.captured_on}
    return sorted(days, key=lambda flight: (days[flight], flight), reverse=True)[:count]


def group_by_facet(facts: Sequence[PhotoFacts]) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of the photos of each value of each facet that has more than one."""
    found: dict[tuple[str, str], list[int]] = {}
    for facet in FACETS:
        values = [one.facets.get(facet, "") for one in facts]
        known = sorted({value for value in values if value})
        if len({*values}) < 2:  # noqa: PLR2004 - one value says what the whole says
            continue
        for value in known:
            found[facet, value] = [index for index, item in enumerate(values) if item == value]
    return found
