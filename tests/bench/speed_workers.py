"""How several workers share one flight, and how soon the first candidate is on the screen.

``python -m tests.bench.speed_workers --photos DIR [--photos DIR …]``. The real service, the real
models, one flight of the photos of all folders, repeated with other bytes until there are enough.
Every worker computes with one thread, and the service with its database has as many processors as
workers, so that twice the workers are twice the processors. (Left free, two workers decode and
store on processors that four need for their models.) Rounds of all numbers of workers take turns,
because a machine is never quite idle; best rounds count. The
first candidate is waited for in Chromium on the page of the flight, from the request that submits:
just after the service has started, and again while a long flight is worked on. One JSON object is
the last line; rates in photos per second, times in seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg
from playwright.sync_api import Page, sync_playwright

from detection.ingest.folder import PHOTO_SUFFIXES
from serving.db.embedded import EmbeddedPostgres
from serving.settings import MODELS_DIR
from serving.supervisor.shares import THREADS
from tests.bench.queueing import CHROMIUM_FLAGS, CHROMIUM_NAMES, PATIENCE_MS
from tests.serving_process import PASSWORD, ServeProcess, wait_for

WORKERS = (1, 2, 4)
PHOTOS = 120
BUSY_PHOTOS = 60
FIRST_PHOTOS = 12
ROUNDS = 2
TIMEOUT_S = 1800.0
POLL_S = 1.0
AS_SHIPPED = {
    "HAZARDLENS_COMPARE_ON_ARRIVAL": "false",
    "HAZARDLENS_HEARTBEAT_S": "2",
    "HAZARDLENS_STALLED_AFTER_S": "10",
}
"""No comparison of flights beside it; the rest as it is without settings (tests are hastier)."""

SEEN = "a[href^='/review?flight_id=']"
"""The link to the candidates, which the page of a flight shows as soon as there is one."""

DONE_RATE = """
select count(*), extract(epoch from max(processed_at) - min(submitted_at)),
       count(distinct photos.id) filter (where photos.state = 'done')
  from photos join flights on flights.id = flight_id where flight_id = %s
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one flight: its photos, and the seconds from its submission to the last result."""

    photos: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Photos per second."""
        return self.photos / self.seconds


@contextmanager
def only_processors(count: int) -> Iterator[None]:
    """Give what is started in the block ``count`` processors, this process all of its own again.

    Raises:
        ValueError: there are fewer.
    """
    own = os.sched_getaffinity(0)
    if len(own) < count:
        message = f"{count} processors are asked for, there are {len(own)}."
        raise ValueError(message)
    os.sched_setaffinity(0, sorted(own)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


@contextmanager
def serve_models(
    workers: int, environment: dict[str, str], processors: int = 0
) -> Iterator[ServeProcess]:
    """Serve the shipped models with so many workers (0: as many as suit); gone after the block.

    ``processors`` 0 gives it all there are.
    """
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-workers-"))
    process = ServeProcess(
        folder / "data",
        MODELS_DIR,
        ("--no-demo", "--workers", str(workers)),
        AS_SHIPPED | environment,
    )
    process.data_dir.mkdir()
    try:
        with only_processors(processors or len(os.sched_getaffinity(0))):
            process.start()
        yield process
    finally:
        process.stop()
        EmbeddedPostgres(process.data_dir).stop()
        shutil.rmtree(folder, ignore_errors=True)


def list_photos(folders: Sequence[Path]) -> list[Path]:
    """Return the photos below several folders in the order of their names."""
    found = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return [path for path in found if path.suffix.lower() in PHOTO_SUFFIXES]


def upload_flight(process: ServeProcess, photos: Sequence[Path], count: int, salt: str) -> int:
    """Upload ``count`` photos as a draft; each is another file, though the picture comes again."""
    with process.client as client:
        body = {"name": salt, "kind": "drone"}
        flight_id = int(client.post("/flights", json=body).raise_for_status().json()["id"])

        def send(number: int) -> None:
            path = photos[number % len(photos)]
            tail = f"{salt} {number}".encode()  # after the end of the picture: another hash
            name = f"DJI_{number:04d}{path.suffix}"
            files = {"file": (name, path.read_bytes() + tail, "image/jpeg")}
            client.post(f"/flights/{flight_id}/photos", files=files).raise_for_status()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, range(count)))
    return flight_id


def submit(process: ServeProcess, flight_id: int) -> None:
    """Submit a flight."""
    with process.client as client:
        client.post(f"/flights/{flight_id}/submit").raise_for_status()


def wait_done(process: ServeProcess, flight_id: int) -> None:
    """Wait until a flight is done, and ask seldom: asking takes processors, too."""
    deadline = time.monotonic() + TIMEOUT_S
    with process.client as client:
        while client.get(f"/flights/{flight_id}").json()["state"] != "done":
            assert time.monotonic() < deadline, process.log
            time.sleep(POLL_S)


def measure_rate(process: ServeProcess, photos: Sequence[Path], count: int, salt: str) -> Rate:
    """Process one flight and return how fast; every photo has to be done once."""
    flight_id = upload_flight(process, photos, count, salt)
    submit(process, flight_id)
    wait_done(process, flight_id)
    with psycopg.connect(EmbeddedPostgres(process.data_dir).url) as connection:
        row = connection.execute(DONE_RATE, (flight_id,)).fetchone()
    assert row is not None
    assert row[0] == row[2] == count, "photos were lost"
    return Rate(count, float(row[1]))


def measure_workers(
    photos: Sequence[Path],
    workers: Sequence[int] = WORKERS,
    *,
    count: int = PHOTOS,
    rounds: int = ROUNDS,
) -> dict[str, float]:
    """Return photos per second by number of workers (one processor each), best of the rounds.

    The service of each number warms up on a few photos first.
    """
    best = dict.fromkeys(workers, 0.0)
    for number in range(rounds):
        for each in workers:
            with serve_models(each, {THREADS: "1"}, each) as process:
                measure_rate(process, photos, 2 * each, "warm-up")
                rate = measure_rate(process, photos, count, f"round {number}")
            best[each] = max(best[each], rate.per_s)
            sys.stdout.write(f"round {number}: {each} workers {rate.per_s:.2f} photos/s\n")
            sys.stdout.flush()
    return {str(each): round(rate, 3) for each, rate in best.items()}


def measure_first(photos: Sequence[Path]) -> dict[str, float]:
    """Return the seconds from submission until the page of a flight shows a candidate.

    ``cold`` is the first flight of a service that has just started; ``busy`` one that comes while
    a long flight is worked on.
    """
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with serve_models(0, {}) as process, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        page = browser.new_page(base_url=process.api.removesuffix("/api/v1"))
        page.set_default_timeout(PATIENCE_MS)
        _sign_in(page)
        cold_s = _wait_seen(process, page, upload_flight(process, photos, FIRST_PHOTOS, "cold"))
        long_flight = upload_flight(process, photos, BUSY_PHOTOS, "long")
        second = upload_flight(process, photos, FIRST_PHOTOS, "busy")
        submit(process, long_flight)
        _wait_some_done(process, long_flight)
        busy_s = _wait_seen(process, page, second)
        browser.close()
    return {"cold": round(cold_s, 2), "busy": round(busy_s, 2)}


def _sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.click("main button[type=submit]")


def _wait_seen(process: ServeProcess, page: Page, flight_id: int) -> float:
    """Submit a flight whose page is open; return when its candidates were on the screen."""
    page.goto(f"/flights/{flight_id}")
    started = time.monotonic()
    submit(process, flight_id)
    page.wait_for_selector(SEEN, timeout=TIMEOUT_S * 1000)
    return time.monotonic() - started


def _wait_some_done(process: ServeProcess, flight_id: int) -> None:
    """Wait until the long flight is in the middle of its large chunks."""

    def is_deep_in() -> bool:
        with process.client as client:
            progress = client.get(f"/flights/{flight_id}").json()["progress"]
            return bool(progress["photos_done"] >= BUSY_PHOTOS // 5)

    wait_for(is_deep_in, TIMEOUT_S, lambda: process.log)


@click.command()
@click.option(
    "--photos",
    "folders",
    multiple=True,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option("--count", default=PHOTOS, show_default=True, help="Photos of a measured flight.")
@click.option("--rounds", default=ROUNDS, show_default=True)
@click.option("--only", type=click.Choice(["workers", "first"]), help="One part alone.")
def main(*, folders: tuple[Path, ...], count: int, rounds: int, only: str | None) -> None:
    """Measure, and write the figures as the last line."""
    photos = list_photos(folders)
    figures: dict[str, object] = {"photos": count}
    if only != "first":
        rates = measure_workers(photos, count=count, rounds=rounds)
        figures["photos_per_s"] = rates
        figures["two_to_four"] = round(rates["4"] / rates["2"], 3)
    if only != "workers":
        figures["first_candidate_s"] = measure_first(photos)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
