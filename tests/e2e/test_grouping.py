"""Merging and splitting candidates on the review page, with keys and fingers, and back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.e2e


def _open(visitor: Visitor, candidate_id: int) -> Page:
    visitor.sign_in("rena")
    expect(visitor.page).to_have_url(re.compile("/review$"))
    first = visitor.page.request.get(f"/api/v1/candidates/{candidate_id}").json()
    visitor.open(f"/review/{candidate_id}?state=pending&flight_id={first['flight_id']}")
    _expect_current(visitor.page, candidate_id)
    return visitor.page


def _expect_current(page: Page, candidate_id: int) -> None:
    expect(page.locator("#panel .panel-head")).to_contain_text(f"#{candidate_id}")


def test_merge_and_split_on_the_page_and_take_back(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _open(visitor, candidate_ids[0])
    expect(page.locator("#remaining")).to_have_text("4")
    page.keyboard.press("g")
    dialog = page.locator("#merge-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".duplicate-option")).to_have_count(3)
    expect(dialog.locator("button[value=confirm]")).to_be_disabled()
    page.keyboard.press("1")
    dialog.locator("button[value=confirm]").click()
    expect(page.locator("#toasts")).to_contain_text("已将 2 个候选合并为一个")
    expect(page.locator("#sightings .sighting")).to_have_count(4)
    expect(page.locator("#remaining")).to_have_text("3")
    expect(page.locator("#panel")).to_contain_text("已合并")
    page.keyboard.press("v")
    dialog = page.locator("#split-dialog")
    expect(dialog.locator(".duplicate-option")).to_have_count(4)
    expect(dialog.locator("button[value=confirm]")).to_be_disabled()
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("已拆出 1 张照片")
    expect(page.locator("#sightings .sighting")).to_have_count(3)
    expect(page.locator("#remaining")).to_have_text("4")
    # Last first: the split, then the merge, from the history of the candidate.
    for left in (4, 2):
        page.locator("button[data-undo-grouping]").click()
        expect(page.locator("#sightings .sighting")).to_have_count(left)
    expect(page.locator("button[data-undo-grouping]")).to_have_count(0)
    expect(page.locator("#remaining")).to_have_text("4")


def test_colleague_merged_first_and_it_is_said(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int]
) -> None:
    one, two, three, _ = candidate_ids
    page = _open(open_visitor(), one)
    expect(page.locator("#sightings .sighting")).to_have_count(2)
    colleague = open_visitor()
    colleague.sign_in("admin")
    expect(colleague.page).to_have_url(re.compile("/flights$"))
    answer = colleague.page.request.post(
        f"/api/v1/candidates/{one}/merge",
        headers={"Origin": colleague.service_url},
        data={"revision": 1, "others": [{"id": three, "revision": 1}]},
    )
    assert answer.status == 201
    page.keyboard.press("g")
    expect(page.locator("#merge-dialog .duplicate-option").first).to_be_visible()
    page.keyboard.press("1")
    page.locator("#merge-dialog button[value=confirm]").click()
    expect(page.locator("#toasts")).to_contain_text("该候选的照片已发生变化")
    expect(page.locator("#sightings .sighting")).to_have_count(4)  # what there is now is shown
    assert page.request.get(f"/api/v1/candidates/{two}").json()["merged_into"] is None
