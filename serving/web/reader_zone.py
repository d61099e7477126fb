"""The reader's own time zone: which day an instant belongs to depends on where one sits."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request

ZONE_COOKIE: Final = "hazardlens_zone"


def zone_of(request: Request) -> tzinfo:
    """Return the zone that the page's script named in a cookie, else the server's own."""
    name = unquote(request.cookies.get(ZONE_COOKIE, ""))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        zone = datetime.now().astimezone().tzinfo
        if zone is None:
            message = "an aware moment has a zone"
            raise TypeError(message) from None
        return zone


def is_zone_known(request: Request) -> bool:
    """Whether the reader's zone has been told; until then the server's own stands in."""
    return ZONE_COOKIE in request.cookies
