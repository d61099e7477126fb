"""What findings rest on: how heights were measured, and what they were held against."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from detection.storeys.settings import load_storey_settings
from serving.flights.register import Permitted, hash_permitted


def hash_basis(measured_with: str, permitted: Mapping[str, Permitted]) -> str:
    """Return the SHA-256 of the settings of heights and storeys and of what is permitted."""
    parts = (measured_with, load_storey_settings().settings_hash(), hash_permitted(permitted))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
