"""The queue in the browser: tiers and filters, who is at it, taking over, shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import expect

from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.db.engine import make_sessions, open_engine
from tests.e2e.conftest import RunningService, Visitor

pytestmark = pytest.mark.e2e

PASSWORD = "queue-secret"
NAMES = {"quentin": Role.REVIEWER, "arbela": Role.ARBITER}


@pytest.fixture(scope="module", autouse=True)
def people(service: RunningService) -> None:
    """A second reviewer, and an arbiter."""
    engine = open_engine(service.database_url)
    with make_sessions(engine).begin() as session:
        for name, role in NAMES.items():
            create_user(session, name, PASSWORD, role)
    engine.dispose()


@pytest.fixture
def quentin(service: RunningService) -> Iterator[httpx.Client]:
    """The second reviewer at the HTTP interface; lets go of everything at the end."""
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=30) as client:
        form = {"username": "quentin", "password": PASSWORD}
        token = client.post("/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client
        client.post("/queue/release", json={})


@pytest.fixture
def flight_of(service: RunningService, quentin: httpx.Client) -> Callable[[int], int]:
    """Return which flight a candidate is of."""
    del service
    return lambda candidate_id: int(quentin.get(f"/candidates/{candidate_id}").json()["flight_id"])


def test_tiers_and_filters_narrow_the_list_and_stay_in_the_address(
    visitor: Visitor, candidate_ids: list[int], flight_of: Callable[[int], int]
) -> None:
    flight = flight_of(candidate_ids[0])
    visitor.sign_in("rena")
    visitor.open(f"/review?flight_id={flight}")
    page = visitor.page
    rows = page.locator("table.candidates tbody tr")
    expect(rows).to_have_count(4)
    page.get_by_role("navigation", name="审核次序").get_by_role(
        "link", name=re.compile("^急")
    ).click()
    expect(page).to_have_url(re.compile("tier=urgent"))
    page.wait_for_load_state()  # a filter is sent by a script of the new page
    urgent = page.locator(".tier-urgent[aria-current] .count").inner_text()
    expect(rows).to_have_count(int(urgent))
    expect(page.locator("table.candidates .tag.tier-urgent")).to_have_count(int(urgent))
    expect(rows.first.locator(".why")).to_contain_text("井盖缺失")
    page.get_by_label("类别").select_option("manhole_broken")
    expect(page).to_have_url(re.compile("tier=urgent.*manhole_broken"))
    page.get_by_text("更多筛选").click()
    page.get_by_label("分数不低于").fill("0.99")
    page.get_by_label("分数不低于").press("Enter")
    expect(page.locator(".empty")).to_be_visible()
    page.get_by_role("link", name="清除筛选").click()
    expect(page).to_have_url(re.compile(r"/review\?state=pending$"))


def test_start_goes_past_what_a_colleague_holds(
    visitor: Visitor,
    candidate_ids: list[int],
    quentin: httpx.Client,
    flight_of: Callable[[int], int],
) -> None:
    flight = flight_of(candidate_ids[0])
    held = quentin.post("/queue/next", json={"flight_id": flight, "count": 2}).json()["items"]
    visitor.sign_in("rena")
    visitor.open(f"/review?flight_id={flight}")
    page = visitor.page
    expect(page.locator("tr.is-held")).to_have_count(2)
    expect(page.locator("tr.is-held").first).to_contain_text("quentin")
    page.get_by_role("link", name="开始审核").click()
    shown = page.locator("#review")
    free = [each for each in candidate_ids if each not in {item["id"] for item in held}]
    expect(shown).to_have_attribute("data-candidate-id", re.compile("|".join(map(str, free))))
    expect(page.locator("#claim-note")).to_be_hidden()
    expect(page.locator("#save-state")).to_contain_text("已全部保存")  # the keys are alive now
    page.keyboard.press("x")
    page.keyboard.press("x")
    expect(page.locator("#finished")).to_be_visible()


def test_who_holds_a_candidate_is_told_and_an_arbiter_takes_over(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int], quentin: httpx.Client
) -> None:
    held = candidate_ids[0]
    assert quentin.post(f"/candidates/{held}/claim", json={}).status_code == 200
    rena = open_visitor()
    rena.sign_in("rena")
    rena.open(f"/review/{held}?state=pending")
    expect(rena.page.locator("#claim-note")).to_contain_text("quentin 正在看这个候选")
    expect(rena.page.locator("#claim-note button")).to_have_count(0)
    arbela = open_visitor()
    arbela.sign_in("arbela", PASSWORD)
    arbela.open(f"/review/{held}?state=pending")
    arbela.page.get_by_role("button", name="接手").click()
    expect(arbela.page.locator("#claim-note")).to_be_hidden()
    beat = quentin.post("/queue/heartbeat", json={"held": [held]}).json()
    assert beat["lost"] == [{"candidate_id": held, "username": "arbela"}]


def test_a_page_that_is_left_lets_go(
    visitor: Visitor, candidate_ids: list[int], quentin: httpx.Client
) -> None:
    visitor.sign_in("rena")
    with visitor.page.expect_response("**/claim"):
        visitor.open(f"/review/{candidate_ids[0]}?state=pending")
    path = f"/candidates/{candidate_ids[0]}/claim"
    assert quentin.get(path).json()["claim"]["username"] == "rena"
    visitor.open("/hazards")
    expect(visitor.page.locator("h1")).to_be_visible()
    for _ in range(500):  # the request is on its way when the page is gone
        if quentin.get(path).json()["claim"] is None:
            return
    pytest.fail("rena still holds it")


def test_an_arbiter_assigns_and_the_reviewer_finds_it(
    open_visitor: Callable[..., Visitor],
    candidate_ids: list[int],
    flight_of: Callable[[int], int],
) -> None:
    arbela = open_visitor()
    arbela.sign_in("arbela", PASSWORD)
    arbela.open("/review/assignments")
    page = arbela.page
    page.get_by_role("button", name="分派").click()
    expect(page.locator("#assignment-problem")).to_be_hidden()  # the browser asks for the person
    page.get_by_label("人员").select_option(label="quentin · 审核员")
    page.get_by_role("button", name="分派").click()
    expect(page.locator("#assignment-problem")).to_be_visible()
    page.get_by_label("架次").select_option(str(flight_of(candidate_ids[0])))
    page.get_by_role("button", name="分派").click()
    row = page.locator("table.assignments tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("4")
    quentin = open_visitor()
    quentin.sign_in("quentin", PASSWORD)
    quentin.open("/review")
    quentin.page.get_by_label("分派给我的").check()
    expect(quentin.page).to_have_url(re.compile("mine=true"))
    expect(quentin.page.locator("table.candidates tbody tr")).to_have_count(4)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="结束").click()
    expect(page.locator(".empty")).to_be_visible()
