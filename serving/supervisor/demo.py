"""The demo flight of a first start: rendered by us, taken in as an upload, once.

Runs as a process of its own: ``python -m serving.supervisor.demo LIFELINE``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy import Engine, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import ConfigurationError, HazardLensError
from detection.domain.photo import FlightKind
from detection.ingest.folder import PHOTO_SUFFIXES
from serving.audit.log import SERVICE
from serving.db.engine import make_sessions, open_engine
from serving.db.migrate import upgrade_database
from serving.db.tables import FlightRow, PhotoRow
from serving.flights.catalogue import Progress, count_progress, get_flight
from serving.flights.trail import flight_act, record_new_flight
from serving.flights.upload import receive_photo
from serving.jobs.flights import submit_flight
from serving.settings import ServingSettings, load_settings
from serving.storage.objects import ObjectStore
from serving.supervisor.children import start_module
from serving.supervisor.lifeline import hold_lifeline
from serving.supervisor.logs import configure_logging

logger = logging.getLogger(__name__)

DEMO_KEY = "demo"
DEMO_NAME = "示例架次 Demo flight"
DEMO_SITE = "虚构街道 Made-up street"
PAUSE_S = 0.5
OPEN_STATES = ("queued", "processing")


@dataclass(frozen=True, slots=True)
class DemoFlight:
    """Makes the demo flight of an empty data folder and shows how it goes.

    Cut off at any point, the next start goes on: the flight row exists once, photos that are in
    are not taken again, and the submit happens once.
    """

    settings: ServingSettings
    engine: Engine
    stop: threading.Event

    def run(self) -> None:
        """Make, submit and follow the demo flight; nothing happens where there is other data.

        Raises:
            ConfigurationError: the flight cannot be rendered.
        """
        sessions = make_sessions(self.engine)
        with sessions.begin() as session:
            flight = find_or_create_demo(session)
        if flight is None:
            return
        if flight.state == "draft":
            self._fill(sessions, flight.id)
        if not self.stop.is_set():
            self._follow(sessions, flight.id)

    def _fill(self, sessions: sessionmaker[Session], flight_id: int) -> None:
        folder = self._render()
        if folder is None:
            return
        store = ObjectStore(self.settings.resolved_data_dir)
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
        for path in paths:
            if self.stop.is_set():
                return
            take_photo_once(sessions, store, flight_id, path, self.settings.max_upload_bytes)
        with (
            sessions.begin() as session,
            flight_act(session, SERVICE, "submit_flight", flight_id),
        ):
            submit_flight(session, flight_id)
        shutil.rmtree(folder, ignore_errors=True)

    def _render(self) -> Path | None:
        """Return the folder of the rendered photos; None when asked to stop meanwhile."""
        folder = self.settings.resolved_data_dir / "demo-flight"
        if folder.is_dir():
            return folder
        draft = folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        click.echo("demo flight: rendering …")
        started = time.monotonic()
        arguments = ["hazardlens", "render-flight", "--out", str(draft)]
        process = start_module(arguments, os.environ)
        while process.poll() is None:
            if self.stop.wait(PAUSE_S):
                process.terminate()
                process.wait()
                return None
        if process.returncode != 0:
            message = f"The demo flight could not be rendered (status {process.returncode})."
            raise ConfigurationError(message, remedy="Start with --no-demo to go without it.")
        click.echo(f"demo flight: rendered in {time.monotonic() - started:.0f} s")
        draft.rename(folder)
        return folder

    def _follow(self, sessions: sessionmaker[Session], flight_id: int) -> None:
        shown: tuple[str, Progress] | None = None
        while not self.stop.is_set():
            try:
                with sessions() as session:
                    state = get_flight(session, flight_id).state
                    progress = count_progress(session, [flight_id])[flight_id]
            except OperationalError:
                self.stop.wait(PAUSE_S)
                continue
            if (state, progress) != shown:
                click.echo(describe_progress(state, progress))
                shown = (state, progress)
            if state not in OPEN_STATES:
                return
            self.stop.wait(PAUSE_S)


def find_or_create_demo(session: Session) -> FlightRow | None:
    """Return the demo flight if it still has to be made or followed.

    It is created only where there is no flight at all.
    """
    row = session.scalar(select(FlightRow).where(FlightRow.demo_key == DEMO_KEY))
    if row is not None:
        return row if row.state in {"draft", *OPEN_STATES} else None
    if session.scalar(select(exists().where(FlightRow.id.is_not(None)))):
        return None
    values = {"name": DEMO_NAME, "kind": FlightKind.DRONE.value, "site": DEMO_SITE}
    statement = insert(FlightRow).values(**values, demo_key=DEMO_KEY)
    row = session.scalar(statement.on_conflict_do_nothing().returning(FlightRow))
    if row is not None:
        record_new_flight(session, SERVICE, row)
    return row


def take_photo_once(
    sessions: sessionmaker[Session], store: ObjectStore, flight_id: int, path: Path, max_bytes: int
) -> None:
    """Take a file in as an upload, unless a start before this one did."""
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        with sessions() as session:
            known = exists().where(PhotoRow.flight_id == flight_id, PhotoRow.sha256 == sha256)
            if session.scalar(select(known)):
                return
        stream.seek(0)
        receive_photo(
            sessions,
            store,
            flight_id=flight_id,
            file_name=path.name,
            stream=stream,
            max_bytes=max_bytes,
        )


def describe_progress(state: str, progress: Progress) -> str:
    """Return one line for the console."""
    done = f"{progress.photos_done}/{progress.photos_total} photos"
    failed = f", {progress.photos_failed} failed" if progress.photos_failed else ""
    found = f", {progress.candidates} candidates to review" if state == "done" else ""
    return f"demo flight: {state}, {done}{failed}{found}"


def main(arguments: list[str]) -> int:
    """Make and follow the demo flight of the data folder that the settings name."""
    configure_logging("demo")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    hold_lifeline(int(arguments[0]))
    settings = load_settings()
    engine = open_engine(settings.database_url, pool_size=2)
    upgrade_database(engine)
    try:
        DemoFlight(settings, engine, stop).run()
    except HazardLensError as error:
        logger.error("%s", error)  # noqa: TRY400 - the user's to mend, a traceback says nothing
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
