"""A second reviewer looks blindly; the arbiter settles by key and sees the names afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CandidateRow, UserRow
from serving.review.decision import Verdict
from serving.review.decisions import decide
from serving.review.reviewer import Reviewer
from tests.e2e.conftest import RunningService, Visitor

pytestmark = pytest.mark.e2e


def say(service: RunningService, username: str, candidate_id: int, verdict: Verdict) -> None:
    """Let somebody decide a candidate of the urgent tier."""
    engine = open_engine(service.database_url)
    with make_sessions(engine).begin() as session:
        session.get_one(CandidateRow, candidate_id).tier = "urgent"
        user = session.scalars(select(UserRow).where(UserRow.username == username)).one()
        reviewer = Reviewer(user.id, username, user.role, may_undo_others=False)
        decide(session, reviewer, candidate_id, verdict, note=f"by {username}")
    engine.dispose()


def test_arbiter_sees_two_verdicts_decides_by_key_and_then_the_names(
    visitor: Visitor, service: RunningService, candidate_ids: list[int]
) -> None:
    for candidate_id in candidate_ids[:2]:
        say(service, "rena", candidate_id, Verdict.CONFIRM)
        say(service, "bela", candidate_id, Verdict.REJECT)
    page = visitor.page
    visitor.sign_in("arvo")
    visitor.open("/disputes")
    mine = page.locator("[data-dispute]").filter(has_text=f"#{candidate_ids[0]}")
    mine.click()
    body = page.locator(f".dispute-body[data-candidate-id='{candidate_ids[0]}']")
    expect(body.locator(".verdict-side")).to_have_count(2)
    expect(body.locator(".verdict-side h3").first).not_to_contain_text("rena")
    expect(page.locator(".who-name")).to_have_text("arvo")

    page.keyboard.press("x")
    expect(body).to_have_attribute("data-settled", "yes")
    expect(body.locator(".verdict-side h3")).to_contain_text(["rena", "bela"])
    page.keyboard.press("u")
    expect(body).to_have_attribute("data-settled", "no")
    expect(body.locator(".verdict-side h3").first).not_to_contain_text("rena")
    page.keyboard.press("m")
    page.keyboard.type("the lid is there")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(body).to_have_attribute("data-state", "rejected")
    page.keyboard.press("j")
    expect(page.locator(".dispute-body")).to_have_attribute(
        "data-candidate-id", str(candidate_ids[1])
    )
    page.keyboard.press("c")
    expect(page.locator(".dispute-body")).to_have_attribute("data-settled", "yes")


def test_second_reviewer_meets_it_as_any_other_and_decides(
    open_visitor: Callable[..., Visitor], service: RunningService, candidate_ids: list[int]
) -> None:
    decided = candidate_ids[0]
    say(service, "rena", decided, Verdict.CONFIRM)
    visitor = open_visitor()
    visitor.sign_in("bela")
    visitor.open(f"/review/{decided}")
    page = visitor.page
    expect(page.locator("#panel .tag-pending").first).to_be_visible()
    expect(page.locator("#panel")).not_to_contain_text("rena")
    visitor.open("/hazards")
    expect(page.locator(f"#hazard-{decided}")).to_have_count(0)
    visitor.open(f"/review/{decided}")
    expect(page.locator("#panel .tag-pending").first).to_be_visible()
    with page.expect_response(lambda answer: "/decisions" in answer.url) as sent:
        page.keyboard.press("c")
    assert sent.value.status == 201
    visitor.open("/hazards")
    expect(page.locator(f"#hazard-{decided}")).to_be_visible()
    visitor.open("/statistics")
    expect(page.locator("svg.day-bars rect.bar").first).to_be_visible()


def test_hazard_in_dispute_is_marked_and_names_nobody(
    visitor: Visitor, service: RunningService, candidate_ids: list[int]
) -> None:
    say(service, "rena", candidate_ids[0], Verdict.CONFIRM)
    say(service, "bela", candidate_ids[0], Verdict.REJECT)
    visitor.sign_in("enno")
    visitor.open("/hazards")
    row = visitor.page.locator(f"#hazard-{candidate_ids[0]}")
    expect(row.locator(".tag-dispute")).to_be_visible()
    expect(row).not_to_contain_text("rena")
