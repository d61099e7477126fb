"""Turn what appears in watched folders and buckets into flights, once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import EmptyFlightError
from serving.audit.log import SERVICE
from serving.flights.catalogue import get_flight
from serving.flights.errors import DiskFullError, FlightNotOpenError
from serving.flights.trail import flight_act
from serving.flights.uploads_files import count_files
from serving.flights.watched import (
    FolderKey,
    WantedFile,
    end_reading,
    end_watched_flight,
    forget_file,
    group_by_folder,
    list_checking,
    list_usable,
    list_wanted,
    name_folder,
    note_taken,
    path_in_flight,
    plan_flight_of,
    see_folder,
)
from serving.jobs.flights import cancel_flight, submit_flight
from serving.jobs.intake import take_file
from serving.settings import ServingSettings
from serving.storage.places import (
    FileChangedError,
    FoundFile,
    PlaceUnavailableError,
    WatchedPlace,
)

logger = logging.getLogger(__name__)

WATCH_LOCK = 7_240_012
"""Number of the advisory lock: of several watchers of one database only one works."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class PlaceWatcher:
    """Looks at places again and again, and remembers in the database what it has seen."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        settings: ServingSettings,
        places: Sequence[WatchedPlace],
    ) -> None:
        """Watch ``places``; nothing is looked at yet."""
        self._sessions = sessions
        self._settings = settings
        self._places = places
        self._quiet = timedelta(seconds=settings.watch_quiet_s)
        self._settled: dict[FolderKey, list[FoundFile]] = {}
        self._troubles: dict[str, str] = {}
        self.stopping = threading.Event()

    def run(self, prove_lock: Callable[[], object]) -> None:
        """Look until ``stopping`` is set; ``prove_lock`` fails where the lock was lost."""
        pause_s = self._settings.watch_quiet_s / 4
        while not self.stopping.is_set():
            prove_lock()
            self.look()
            self.stopping.wait(min(max(pause_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S))

    def look(self, now: datetime | None = None) -> None:
        """Look at every place once and do what can be done; one that fails holds up no other."""
        for place in self._places:
            self._tell_trouble(place, self._look_at_place(place, now or datetime.now(UTC)))
        self._end_flights()

    def _look_at_place(self, place: WatchedPlace, now: datetime) -> str:
        """Look at the folders of a place; return what is wrong with the first that fails, or ""."""
        try:
            folders = group_by_folder(place.name, place.list_files())
        except PlaceUnavailableError as error:
            return str(error)
        trouble = ""
        for key, found in folders.items():
            try:
                if self._settled.get(key) != found:
                    self._look_at_folder(place, key, found, now)
            except (PlaceUnavailableError, DiskFullError) as error:
                trouble = trouble or str(error)
        return trouble

    def _look_at_folder(
        self, place: WatchedPlace, key: FolderKey, files: list[FoundFile], now: datetime
    ) -> None:
        usable = list_usable(key, files)
        with self._sessions.begin() as session:
            quiet_folder = see_folder(session, key, files, now, self._quiet)
            if quiet_folder is not None:
                flight = plan_flight_of(session, quiet_folder, usable, name_folder(key))
                if flight is not None:
                    logger.info("%s: flight %d of %s", place.name, flight.id, flight.name)
            wanted = list_wanted(session, key, usable)
        if quiet_folder is not None and not wanted:
            self._settled[key] = files
        for file in wanted:
            if self.stopping.is_set():
                return
            self._take(place, key, file)

    def _take(self, place: WatchedPlace, key: FolderKey, wanted: WantedFile) -> None:
        """Copy one file into its flight; copied again after a crash, it is the same file."""
        try:
            with place.open(wanted.found) as stream:
                take_file(
                    self._sessions,
                    self._settings,
                    flight_id=wanted.flight_id,
                    path=path_in_flight(key, wanted.found),
                    stream=stream,
                )
        except (FileChangedError, FlightNotOpenError):
            # It is found again as it is now; where the flight was closed by hand, in another one.
            with self._sessions.begin() as session:
                forget_file(session, wanted.row_id)
            return
        with self._sessions.begin() as session:
            note_taken(session, wanted.row_id)

    def _end_flights(self) -> None:
        """Submit flights whose files were all copied and checked."""
        with self._sessions.begin() as session:
            end_reading(session)
            flight_ids = list_checking(session)
        for flight_id in flight_ids:
            with self._sessions.begin() as session:
                if not count_files(session, flight_id).open:
                    _submit(session, flight_id)
                    end_watched_flight(session, flight_id)

    def _tell_trouble(self, place: WatchedPlace, trouble: str) -> None:
        """Log what is wrong with a place when it begins, and when it is over."""
        if self._troubles.get(place.name, "") != trouble:
            self._troubles[place.name] = trouble
            if trouble:
                logger.warning("%s cannot be watched: %s", place.name, trouble)
            else:
                logger.info("%s is watched again", place.name)


def _submit(session: Session, flight_id: int) -> None:
    """Have a flight processed; one without a usable file is cancelled, its refusals stay."""
    if get_flight(session, flight_id).state != "draft":
        return  # somebody was quicker
    try:
        with flight_act(session, SERVICE, "submit_flight", flight_id):
            submit_flight(session, flight_id)
    except EmptyFlightError:
        with flight_act(session, SERVICE, "cancel_flight", flight_id):
            cancel_flight(session, flight_id)


@contextmanager
def hold_watch(engine: Engine, stopping: threading.Event) -> Iterator[Callable[[], object] | None]:
    """Wait until no other process watches, then yield what proves that this one still does.

    Yields None where it was asked to stop meanwhile. The lock goes with the connection, so that a
    killed watcher is followed at once.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        lock = text("select pg_try_advisory_lock(:key)")
        while not connection.scalar(lock, {"key": WATCH_LOCK}):
            if stopping.wait(LONGEST_PAUSE_S / 10):
                yield None
                return
        try:
            yield lambda: connection.scalar(text("select 1"))
        finally:
            connection.invalidate()  # given back to the pool it would keep the lock
