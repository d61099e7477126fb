"""Sign in and out, wrong passwords, languages, roles."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.e2e


def test_operator_signs_in_and_out(visitor: Visitor) -> None:
    visitor.sign_in("olga")
    expect(visitor.page).to_have_url(re.compile("/flights$"))
    expect(visitor.page.locator("h1")).to_have_text("架次")
    visitor.page.click("text=退出")
    expect(visitor.page).to_have_url(re.compile("/sign-in$"))
    visitor.open("/flights")
    expect(visitor.page).to_have_url(re.compile(r"/sign-in\?next=%2Fflights$"))


def test_wrong_password_is_said_and_the_name_stays(visitor: Visitor) -> None:
    visitor.sign_in("olga", "not-her-password")
    expect(visitor.page.get_by_role("alert").first).to_contain_text("用户名或密码错误")
    expect(visitor.page.locator("[name=username]")).to_have_value("olga")


def test_after_signing_in_the_wanted_page_opens(visitor: Visitor) -> None:
    visitor.open("/hazards")
    visitor.page.fill("[name=username]", "rena")
    visitor.page.fill("[name=password]", "reviewer-secret")
    visitor.page.click("main button[type=submit]")
    expect(visitor.page).to_have_url(re.compile("/hazards$"))


def test_language_switch_is_remembered(visitor: Visitor) -> None:
    visitor.sign_in("olga")
    visitor.page.click("text=English")
    expect(visitor.page.locator("h1")).to_have_text("Flights")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
    visitor.open("/flights/new")
    expect(visitor.page.locator("h1")).to_have_text("New flight")
    visitor.page.click("text=中文")
    expect(visitor.page.locator("h1")).to_have_text("新建架次")


@pytest.mark.parametrize(
    ("username", "shown"),
    [
        ("olga", ["架次", "图层"]),
        ("rena", ["架次", "审核", "隐患", "图层", "统计"]),
        ("auda", ["架次", "审核", "隐患", "图层", "统计", "模型", "审计"]),
        ("enno", ["架次", "审核", "隐患", "图层", "模型"]),
    ],
)
def test_navigation_shows_what_the_role_may_see(
    visitor: Visitor, username: str, shown: list[str]
) -> None:
    visitor.sign_in(username)
    expect(visitor.page.locator("nav.main-nav a")).to_have_text(shown)


def test_operator_is_told_that_the_queue_is_not_hers(visitor: Visitor) -> None:
    visitor.sign_in("olga")
    visitor.open("/review")
    expect(visitor.page.locator("h1")).to_have_text("您的角色没有此权限。")


def test_engineer_looks_but_cannot_decide(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int]
) -> None:
    visitor = open_visitor()
    visitor.sign_in("enno")
    visitor.open(f"/review/{candidate_ids[0]}")
    expect(visitor.page.locator("button[data-act=confirm]")).to_be_disabled()
    visitor.page.keyboard.press("c")
    expect(visitor.page.locator("#toasts")).to_contain_text("您的角色只能查看")
    visitor.open("/flights")
    expect(visitor.page.locator("text=新建架次")).to_have_count(0)
