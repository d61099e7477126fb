"""What cannot be measured is null, with why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import single_photo
from training.settings import SHARED_VARIABLE


def test_without_flights_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHARED_VARIABLE, str(tmp_path))
    figures = single_photo.measure_single_photo(tmp_path)
    assert figures["map50_synthetic"] is None
    assert figures["per_real_photo"] is None
    assert figures["why"]
