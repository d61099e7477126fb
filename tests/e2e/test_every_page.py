"""What every page must keep: readable for all (axe), at both widths, light and dark, offline."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from serving.web.vendor import NODE_MODULES_DIR
from tests.e2e.calibration_seed import seed_calibration
from tests.e2e.change_seed import seed_comparison
from tests.e2e.conftest import RunningService, Visitor
from tests.e2e.judging_seed import seed_judging
from tests.e2e.labelling_seed import seed_labelling
from tests.e2e.learning_seed import seed_learning
from tests.e2e.pages import PAGES, PageSpec
from tests.e2e.seed import seed_candidates
from tests.e2e.training_seed import seed_orders

pytestmark = pytest.mark.e2e

AXE = NODE_MODULES_DIR / "axe-core" / "axe.min.js"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
BAD = {"serious", "critical"}
RUN_AXE = """async (rules) => {
  const options = rules ? { runOnly: { type: "rule", values: rules } } : {};
  const answer = await axe.run(document, { resultTypes: ["violations"], ...options });
  const describe = ({ html, target }) => `${target}: ${html.slice(0, 200)}`;
  return answer.violations.map(({ id, impact, nodes }) => (
    { id, impact, nodes: nodes.slice(0, 5).map(describe) }));
}"""
STILL = "document.getAnimations().every((each) => each.playState !== 'running')"


@pytest.fixture(scope="session")
def seeded(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """Four candidates of one flight, for pages that only look."""
    folder = tmp_path_factory.mktemp("looked_at")
    seed_comparison(service.database_url, service.data_dir, folder / "compared")
    seed_orders(service.database_url, service.data_dir)
    candidates = seed_candidates(service.database_url, service.data_dir, folder)
    seed_learning(service.database_url)
    seed_calibration(service.database_url)
    seed_labelling(service.database_url)
    seed_judging(service.database_url, service.data_dir, folder / "suspects")
    return candidates


@pytest.fixture
def open_page(
    open_visitor: Callable[..., Visitor], seeded: list[int]
) -> Callable[[PageSpec], Page]:
    """Return a function that opens a page as the person who may see it."""

    def open_as_person(spec: PageSpec) -> Page:
        visitor = open_visitor(reduced_motion="reduce")
        path = spec.path
        if spec.who is not None:
            visitor.sign_in(spec.who)
        if "{" in path:
            path = fill_path(visitor, path, seeded)
        visitor.open(path)
        for key in spec.keys:
            visitor.page.wait_for_selector("#viewer.has-pixels")
            visitor.page.keyboard.press(key)
        visitor.page.wait_for_selector(spec.ready)
        return visitor.page

    return open_as_person


def fill_path(visitor: Visitor, path: str, seeded: list[int]) -> str:
    page = visitor.page
    number = seeded[0]
    if "{candidate}" in path:
        return path.format(candidate=number)
    if "{selection}" in path:
        made = page.request.get("/api/v1/selections").json()["items"]
        return path.format(selection=next(each["id"] for each in made if each["chosen"]))
    if "{order}" in path:
        orders = page.request.get("/api/v1/training/orders").json()["items"]
        return path.format(order=next(each["id"] for each in orders if each["state"] == "done"))
    if "{version}" in path:
        model = page.request.get("/api/v1/models").json()["items"][0]
        return path.format(model=model["name"], version=model["version"])
    found = page.request.get("/api/v1/flights?limit=200").json()["items"]
    names = {each["name"]: each["id"] for each in found}
    # The oldest one: what is seeded beside a flight (a calibration) lies beside that.
    flight = min(each["id"] for each in found if each["name"].startswith("Seeded"))
    return path.format(flight=flight, compared=names.get("Compared 2026-11"))


def find_violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """Return what axe calls serious or critical, once nothing moves any more."""
    page.wait_for_function(STILL)
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(RUN_AXE, rules)
    return [f"{each['id']}: {each['nodes']}" for each in found if each["impact"] in BAD]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not set up: run `make e2e`")
@pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.name)
def test_page_is_readable_for_all_at_both_widths_light_and_dark(
    spec: PageSpec, open_page: Callable[[PageSpec], Page], request: pytest.FixtureRequest
) -> None:
    page = open_page(spec)
    found: dict[str, list[str]] = {}
    shots = request.config.getoption("--shots", default=None)
    for name, size in (("wide", WIDE), ("phone", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict of the right keys
        page.emulate_media(color_scheme="light")
        found[f"{name}, light"] = find_violations(page)
        save_shot(page, shots, f"{spec.name}_{name}_light")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            found[f"{name}, sideways"] = [f"{overflow} px too wide"]
        page.emulate_media(color_scheme="dark")
        found[f"{name}, dark"] = find_violations(page, ["color-contrast"])
        save_shot(page, shots, f"{spec.name}_{name}_dark")
    assert {place: each for place, each in found.items() if each} == {}


def save_shot(page: Page, folder: str | None, name: str) -> None:
    """Keep a picture for people, where ``--shots FOLDER`` asks for it."""
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_every_page_of_the_service_is_in_the_list(service: RunningService) -> None:
    """A template that shows a whole page and that no line of the list opens would go unseen."""
    del service
    known = {re.sub(r"\{\w+\}", "{}", spec.path.partition("?")[0]) for spec in PAGES}
    assert list_page_paths() - known == set()


def list_page_paths() -> set[str]:
    """Return the paths of all pages; pieces of pages and mere redirects are none."""
    from fastapi.routing import APIRoute  # noqa: PLC0415 - only this test looks into the app

    from serving.web import pages  # noqa: PLC0415

    parts = [getattr(part, "router", None) for part in vars(pages).values()]
    routes = [route for part in parts if part is not None for route in part.routes]
    piece = re.compile(r"/(rows|row|panel|progress)$|^/$|^/language/|^/review/start$")
    return {
        re.sub(r"\{\w+\}", "{}", route.path)
        for route in routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and not piece.search(route.path)
    }
