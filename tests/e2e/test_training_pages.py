"""An engineer orders a training that nobody can do yet, takes it back; an auditor only looks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.e2e


def test_order_waits_for_a_worker_and_is_taken_back(open_visitor: Callable[..., Visitor]) -> None:
    visitor = open_visitor()
    visitor.sign_in("enno")
    visitor.open("/training?model=manhole")
    page = visitor.page
    expect(page.locator(".notice-warn .command")).to_have_text("make training-worker")
    page.fill("form[data-order] [name=minutes]", "7")
    page.fill("form[data-order] [name=reason]", "after the storm")
    page.click("form[data-order] .button-primary")
    page.wait_for_selector("#order")
    expect(page.locator("main h1")).to_contain_text("manhole")
    expect(page.locator("#order .command")).to_have_text("make training-worker")
    number = page.url.rsplit("/", 1)[1]
    ordered = page.request.get(f"/api/v1/training/orders/{number}").json()
    assert (ordered["state"], ordered["parameters"]) == ("queued", {"minutes": 7})
    visitor.open("/training")
    page.click("form[data-order] .button-primary")  # the same model again: told, not ordered
    expect(page.locator("form[data-order] [data-problem]")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    visitor.open(f"/training/{number}")
    page.click("[data-post$=cancel]")
    expect(page.locator("#order .tag-cancelled")).to_be_visible()
    expect(page.locator("[data-post$=resume]")).to_be_visible()
    auditor = open_visitor()
    auditor.sign_in("auda")
    auditor.open(f"/training/{number}")
    expect(auditor.page.locator("#order .tag-cancelled")).to_be_visible()
    assert auditor.page.locator("[data-post$=resume]").count() == 0
    auditor.open("/training")
    assert auditor.page.locator("form[data-order]").count() == 0
