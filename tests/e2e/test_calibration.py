"""The boxes of a new camera are labelled by key alone, and a label is taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.calibration_seed import BOXES, seed_calibration
from tests.e2e.conftest import RunningService, Visitor
from tests.e2e.seed import seed_candidates

pytestmark = pytest.mark.e2e


def test_boxes_are_labelled_by_key_and_the_page_says_how_many_are_missing(
    service: RunningService, open_visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    seed_candidates(service.database_url, service.data_dir, tmp_path / "seen")
    flight_id = seed_calibration(service.database_url)
    visitor = open_visitor(reduced_motion="reduce")
    visitor.sign_in("olga")
    visitor.open(f"/flights/{flight_id}/calibration?hazard_class=manhole_missing")
    page = visitor.page
    tab = "[data-tab='manhole_missing'][data-model='{}'] .count"
    count = page.locator(tab.format("manhole"))
    expect(page.locator(tab.format("manhole_far"))).to_have_text("0 / 0")
    for number, key in enumerate(("c", "x", "4"), start=1):
        page.keyboard.press(key)
        expect(count).to_have_text(f"{number} / {BOXES}")
    expect(page.locator(".outcome")).to_contain_text("7")  # of ten answers
    page.keyboard.press("u")
    expect(count).to_have_text(f"2 / {BOXES}")
    page.keyboard.press("k")
    expect(page.locator(".label-said strong")).to_be_visible()
    assert visitor.troubles == []
