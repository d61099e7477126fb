"""Pages of comparisons without a browser: a survey, a run under way, no comparison at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from serving.db.tables import ChangeRunRow, FlightRow
from serving.flights.origins import OriginTally, tally_origins
from serving.jobs.change import place_flights
from serving.jobs.context import WorkerContext
from serving.jobs.queue import CHANGE_QUEUE, COVERAGE_QUEUE
from tests.integration.compared_flights import RISE, Teller, bring_buildings
from tests.integration.seen_covers import see_covers
from tests.job_runner import run_jobs

FlightOf = Callable[[int], FlightRow]
LANES = [COVERAGE_QUEUE, CHANGE_QUEUE]
REGISTER = "建筑编号,许可层数\nB1,2\n"


@pytest.fixture
def context(worker_context: WorkerContext) -> WorkerContext:
    worker_context.compare = Teller({"B1": RISE})
    return worker_context


@pytest.fixture
def flights(context: WorkerContext, flight_of: FlightOf, engineer: TestClient) -> tuple[int, int]:
    """An earlier and a later flight over two buildings, with a register of one."""
    layer_id = bring_buildings(engineer)
    base, new = flight_of(2).id, flight_of(2).id
    see_covers(context, base, places=1)
    see_covers(context, new, places=1)
    place_flights(context, None)
    form = {"layer_id": str(layer_id), "name": "底册"}
    made = engineer.post("/registers", data=form, files={"file": ("r.csv", REGISTER.encode())})
    assert made.status_code == 201, made.text
    return base, new


def read(client: TestClient, path: str) -> str:
    """Return what a page shows, in English, without its head and scripts."""
    client.cookies.set("hazardlens_language", "en")
    answer = client.get(f"http://testserver{path}")
    assert answer.status_code == 200, answer.text
    text: str = answer.text
    return text.partition("<main")[2].partition("</main>")[0] or text


def test_survey_lists_roofs_against_their_permits_and_claims_no_change(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int]
) -> None:
    base, _ = flights
    assert operator.post(f"/flights/{base}/change").status_code == 202
    run_jobs(context, LANES)
    page = read(operator, f"/flights/{base}/change")
    assert "Roofs held against the register" in page
    assert "More storeys than permitted, to be verified" in page
    assert "2 storeys permitted" in page
    assert "Height gained" not in page
    assert "Suspected added storey" not in page
    assert "/review/" not in page, "an operator sees no candidates"
    card = read(operator, f"/flights/{base}")
    assert "Roofs measured" in card
    assert "Measure the roofs and check the register" in card


def test_comparison_is_shown_by_part_and_told_while_it_is_made(
    operator: TestClient, context: WorkerContext, flights: tuple[int, int]
) -> None:
    _, new = flights
    assert "No comparison of this flight is finished." in read(operator, f"/flights/{new}/change")
    assert "press the button" in read(operator, f"/flights/{new}/change/panel")
    assert operator.post(f"/flights/{new}/change").status_code == 202
    waiting = read(operator, f"/flights/{new}/change/panel")
    assert "Waits for its turn" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    assert "Cancel the comparison" in waiting
    run_jobs(context, LANES)
    everything = read(operator, f"/flights/{new}/change")
    assert everything.index("B1号楼") < everything.index("B2号楼"), "what rose comes first"
    assert "+3.0 ± 0.4 m" in everything
    assert "± 0.16 m" in everything
    assert everything.count("± is the error at 95 %") == 1
    risen = read(operator, f"/flights/{new}/change?kind=rise")
    assert "B1号楼" in risen
    assert "B2号楼" not in risen
    panel = read(operator, f"/flights/{new}/change/panel")
    assert "Compare again" in panel
    odd = operator.get(f"http://testserver/flights/{new}/change?kind=everything")
    assert odd.status_code == 422


def test_flights_and_their_candidates_are_counted_as_stock_and_new(
    context: WorkerContext, flights: tuple[int, int], sessions: sessionmaker[Session]
) -> None:
    del context, flights
    with sessions() as session:
        tally = tally_origins(session, 1)
    assert tally == OriginTally(baselines=1, stock=1, later=1, new=0, seen_again=1)


def test_flight_without_buildings_says_to_import_them_and_come_back(
    operator: TestClient, context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(1).id
    see_covers(context, flight_id, places=0)
    panel = read(operator, f"/flights/{flight_id}/change/panel")
    assert "it does not begin by itself" in panel
    assert 'href="/layers"' in panel
    assert 'id="change-form"' not in panel


def test_failed_comparison_says_why_with_its_figures(
    operator: TestClient, flights: tuple[int, int], sessions: sessionmaker[Session]
) -> None:
    base, new = flights
    with sessions.begin() as session:
        session.add(
            ChangeRunRow(
                kind="compare",
                base_flight_id=base,
                new_flight_id=new,
                state="failed",
                failure_code="change_small_overlap",
                failure_message="Only 41% of the smaller flight lies in the other; 60% is needed.",
                failure_remedy="x",
            )
        )
    panel = read(operator, f"/flights/{new}/change/panel")
    assert "Only 41% of the smaller flight" in panel
    assert "Choose an earlier flight over the same ground" in panel
