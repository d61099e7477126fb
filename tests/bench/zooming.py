"""How long until a photo of 48 million pixels is sharp on the review screen.

A real service and a real Chromium with an empty cache. The photo was cut into tiles by the
worker's job, as every photo of the queue is; ``cold`` measures one that nobody cut before.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import select

from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CandidateRow, FlightRow, PhotoRow
from serving.flights.catalogue import create_flight
from serving.flights.results import RunIdentity, store_detections
from serving.flights.upload import receive_photo
from serving.jobs.context import WorkerContext
from serving.jobs.grouping import regroup
from serving.jobs.pictures import cut_photos
from serving.settings import load_settings
from serving.storage.objects import ObjectStore
from tests.factories import draw_photo
from tests.hovering import place
from tests.serving_process import PASSWORD, ServeProcess
from tests.tiny_model import write_tiny_model

SIZE_PX = (8064, 6048)
ROUNDS = 5
PATIENCE_MS = 60_000
NOTE_SHARP = """
new MutationObserver(() => {
  const viewer = document.getElementById("viewer");
  if (viewer?.dataset.sharp === "yes") window.sharpAfterMs ??= performance.now();
}).observe(document, { subtree: true, attributes: true, childList: true });
"""


def measure_zoom_ms(*, cold: bool = False) -> float:
    """Return the median time from opening a candidate's page to its photo being sharp, ms."""
    with tempfile.TemporaryDirectory() as name, _service(Path(name)) as (process, candidate_id):
        cache = process.data_dir / "cache"
        with sync_playwright() as playwright:
            executable = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(
                executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
            )
            times = []
            for _ in range(ROUNDS):
                if cold:
                    shutil.rmtree(cache, ignore_errors=True)
                times.append(_open_once(browser, process.port, candidate_id))
            browser.close()
    return statistics.median(times)


@contextmanager
def _service(folder: Path) -> Iterator[tuple[ServeProcess, int]]:
    write_tiny_model(folder / "models")
    process = ServeProcess(folder / "data", folder / "models")
    process.data_dir.mkdir()
    try:
        process.start()
        yield process, _seed(process.data_dir, folder)
    finally:
        process.stop()


def _seed(data_dir: Path, folder: Path) -> int:
    """Store one large photo with one candidate, and cut it as the worker does."""
    path = draw_photo(folder / "DJI_0048.JPG", pixels=_draw_texture(), quality=92)
    url = EmbeddedPostgres(data_dir).url
    engine = open_engine(url)
    sessions, store = make_sessions(engine), ObjectStore(data_dir)
    with sessions.begin() as session:
        flight_id = create_flight(session, name="48 MP", kind=FlightKind.DRONE).id
    with path.open("rb") as stream:
        receive_photo(
            sessions,
            store,
            flight_id=flight_id,
            file_name=path.name,
            stream=stream,
            max_bytes=10**9,
        )
    with sessions.begin() as session:
        photo = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id)).one()
        box = BBox(5000.0, 3900.0, 5120.0, 4010.0)
        found = Detection(str(photo.id), HazardClass.MANHOLE_MISSING, 0.8, box, "manhole", "a" * 64)
        store_detections(session, photo.id, [place(found, photo)], RunIdentity("c" * 64, {}))
        regroup(session, store, flight_id)
        session.get_one(FlightRow, flight_id).state = "done"
        candidate_id = session.scalars(
            select(CandidateRow.id).where(CandidateRow.flight_id == flight_id)
        ).one()
    settings = load_settings(data_dir=data_dir, database_url=url)
    cut_photos(WorkerContext(settings, sessions, store), flight_id)
    engine.dispose()
    return candidate_id


def _draw_texture() -> NDArray[np.uint8]:
    """Return noise at several scales: as hard to compress as gravel, and nowhere smooth."""
    rng = np.random.default_rng(48)
    width, height = SIZE_PX
    pixels = np.zeros((height, width, 3), np.uint8)
    for step, weight in ((64, 90), (8, 50), (2, 20)):
        small = rng.integers(0, weight, (height // step + 1, width // step + 1, 3), np.uint8)
        large = small.repeat(step, axis=0).repeat(step, axis=1)
        pixels += large[:height, :width]
    return pixels


def _open_once(browser: Browser, port: int, candidate_id: int) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/sign-in")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.click("main button[type=submit]")
    page.add_init_script(NOTE_SHARP)
    page.goto(f"http://127.0.0.1:{port}/review/{candidate_id}?state=pending")
    page.wait_for_function("() => window.sharpAfterMs !== undefined", timeout=PATIENCE_MS)
    elapsed = float(page.evaluate("window.sharpAfterMs"))
    context.close()
    return elapsed


if __name__ == "__main__":
    figures = {"zoom_48mp_ms": measure_zoom_ms(), "zoom_48mp_cold_ms": measure_zoom_ms(cold=True)}
    sys.stdout.write(json.dumps(figures) + "\n")
