"""Suspected labels and shadow differences are judged by key alone, and taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningService, Visitor
from tests.e2e.judging_seed import seed_judging
from tests.e2e.seed import seed_candidates

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def judged(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("judged")
    seed_candidates(service.database_url, service.data_dir, folder / "seen")
    seed_judging(service.database_url, service.data_dir, folder / "list")


def shown(page: Page) -> str:
    return page.locator(".judging-body").get_attribute("data-id") or ""


@pytest.mark.parametrize("path", ["/suspects", "/shadow"])
@pytest.mark.usefixtures("judged")
def test_one_key_answers_and_one_takes_it_back(
    open_visitor: Callable[..., Visitor], path: str
) -> None:
    visitor = open_visitor(reduced_motion="reduce")
    visitor.sign_in("enno")
    visitor.open(path)
    page = visitor.page
    first = shown(page)
    page.keyboard.press("1")
    expect(page.locator(f".judging-body:not([data-id='{first}'])")).to_be_visible()
    expect(page.locator(f"[data-item='{first}']")).to_have_class("is-judged")
    page.keyboard.press("k")
    expect(page.locator(f".judging-body[data-id='{first}'][data-open='no']")).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator(f".judging-body[data-id='{first}'][data-open='yes']")).to_be_visible()
    page.keyboard.press("h")
    expect(page.locator("#judging.hides-boxes")).to_be_visible()
    assert visitor.troubles == []


@pytest.mark.usefixtures("judged")
def test_a_key_in_the_note_is_a_letter(open_visitor: Callable[..., Visitor]) -> None:
    visitor = open_visitor()
    visitor.sign_in("enno")
    visitor.open("/suspects")
    page = visitor.page
    first = shown(page)
    page.locator("#judging-note").fill("")
    page.locator("#judging-note").press("1")
    expect(page.locator("#judging-note")).to_have_value("1")
    assert shown(page) == first
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(f".judging-body:not([data-id='{first}'])")).to_be_visible()
