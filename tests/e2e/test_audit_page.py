"""The auditor looks for what a reviewer did, and has the whole log checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.e2e


def test_auditor_finds_a_decision_and_checks_the_log(
    open_visitor: Callable[..., Visitor],
    candidate_ids: list[int],
    request: pytest.FixtureRequest,
) -> None:
    reviewer = open_visitor()
    reviewer.sign_in("rena")
    answer = reviewer.page.request.post(
        f"/api/v1/candidates/{candidate_ids[0]}/decisions",
        headers={"Origin": reviewer.service_url},
        data={"verdict": "confirm", "note": "路口东侧"},
    )
    assert answer.status == 201
    visitor = open_visitor()
    visitor.sign_in("auda")
    visitor.open("/audit")
    page = visitor.page
    page.fill("[name=subject_id]", str(candidate_ids[0]))
    page.select_option("[name=subject_kind]", "candidate")
    page.get_by_role("button", name="查询").click()
    row = page.locator("table.audit tbody tr").first
    expect(row).to_contain_text("待审 → 已确认")
    expect(row).to_contain_text("路口东侧")
    expect(row).to_contain_text("rena")
    page.get_by_role("button", name="校验全部日志").click()
    expect(page.locator("#audit-check .notice-ok")).to_contain_text("日志完整")
    if folder := request.config.getoption("--shots"):
        page.screenshot(path=str(Path(folder) / "audit_checked.png"))
        page.set_viewport_size({"width": 390, "height": 844})
        page.screenshot(path=str(Path(folder) / "audit_checked_phone.png"), full_page=True)
    lines = page.request.get("/api/v1/audit/export.jsonl").text().splitlines()
    assert len(lines) >= int(row.locator(".audit-number").inner_text())
    page.click(".row-link, table.audit a")
    expect(page.locator("#panel .panel-head")).to_contain_text(f"#{candidate_ids[0]}")
    expect(page.locator("button[data-act=confirm]")).to_be_disabled()
