"""False alarms on flights without known defects, as the card tells them."""

from __future__ import annotations

import pytest

from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.promotion.card import MAX_LISTED, _flights_section
from training.promotion.measure import FlightAlarms

OK, MISSING = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING


def alarm(score: float) -> Detection:
    return Detection("DJI_1.JPG", MISSING, score, BBox(10, 20, 30, 40), "manhole", "0" * 64)


def flight(alarms: int, *, photos: int = 10, megapixels: float = 4.8) -> FlightAlarms:
    listed = tuple(alarm(0.5 + n / 1000) for n in range(alarms))
    return FlightAlarms("park", "no", photos, {OK: 7, MISSING: alarms}, megapixels, listed)


def test_alarms_count_hazards_by_photo_and_by_pixel() -> None:
    row = flight(2)
    assert row.hazards_per_photo == pytest.approx(0.2)
    assert row.hazards_per_12_mp == pytest.approx(5.0)
    assert FlightAlarms("park", "no", 1, {MISSING: 1}).hazards_per_12_mp is None


def test_card_lists_every_alarm_best_first() -> None:
    text = _flights_section([flight(2)])
    assert "| park | no | 10 | manhole_ok 7, manhole_missing 2 | 0.200 | 5.000 |" in text
    first, second = (line for line in text.splitlines() if line.startswith("- park/"))
    assert first == "- park/DJI_1.JPG: manhole_missing 0.50 at (10, 20, 30, 40)"
    assert second == first
    assert "No box of a hazard class" in _flights_section([flight(0)])


def test_card_of_a_loud_model_tells_how_many_more_there_are() -> None:
    text = _flights_section([flight(MAX_LISTED + 5)])
    assert sum(line.startswith("- park/") for line in text.splitlines()) == MAX_LISTED
    assert "- and 5 more with lower scores." in text
