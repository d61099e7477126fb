from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from detection.ingest.drone_tags import DroneTags
from detection.ingest.exif import ExifData
from detection.ingest.moment import find_moment

LOCAL = datetime(2026, 3, 1, 10, 20, 30)  # noqa: DTZ001 - as cameras write it


@pytest.mark.parametrize(
    ("ahead", "zone"),
    [
        (timedelta(hours=8), timedelta(hours=8)),
        (timedelta(hours=8, seconds=40), timedelta(hours=8)),
        (timedelta(hours=5, minutes=45), timedelta(hours=5, minutes=45)),
        (-timedelta(hours=3, seconds=20), -timedelta(hours=3)),
        (timedelta(hours=8, minutes=7), None),  # minutes beside every zone
        (timedelta(hours=20), None),
    ],
)
def test_gps_time_tells_the_zone(ahead: timedelta, zone: timedelta | None) -> None:
    stated = (LOCAL - ahead).replace(tzinfo=UTC)
    for exif, tags in (
        (ExifData(captured_at=LOCAL, gps_time=stated), ()),
        (ExifData(captured_at=LOCAL), (DroneTags(utc=stated),)),
    ):
        moment = find_moment(exif, tags)
        assert moment is not None
        assert moment.replace(tzinfo=None) == LOCAL
        assert moment.utcoffset() == zone


def test_a_zone_that_is_written_stays() -> None:
    written = LOCAL.replace(tzinfo=timezone(timedelta(hours=9)))
    stated = datetime(2026, 3, 1, 2, 20, 30, tzinfo=UTC)
    assert find_moment(ExifData(captured_at=written, gps_time=stated)) is written


def test_without_gps_time_the_zone_stays_open() -> None:
    assert find_moment(ExifData(captured_at=LOCAL)) == LOCAL
    assert find_moment(ExifData()) is None
