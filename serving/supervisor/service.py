"""The parent process: bring everything up, keep it up, take it down in order."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from dataclasses import dataclass, field

import click

from detection.domain.errors import HazardLensError
from detection.machine import count_cpus
from serving.accounts.users import ADMIN_USERNAME, ensure_admin
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import bring_up_database, embedded_server
from serving.db.migrate import upgrade_database
from serving.settings import ServingSettings, load_secret_key, make_data_dir
from serving.storage.objects import ObjectStore
from serving.storage.places import open_places
from serving.supervisor.children import Child, stop_all
from serving.supervisor.claims import claim_data_dir, listen
from serving.supervisor.readiness import wait_ready
from serving.supervisor.shares import choose_workers, worker_environment

logger = logging.getLogger(__name__)

WATCH_S = 0.5
DATABASE_PING_S = 2.0
PASSWORD_BYTES = 9


@dataclass(slots=True)
class Service:
    """One running service: its settings, its children and whether it was asked to stop.

    ``workers`` is how many processes look at photos; 0 takes as many as suit the processors.
    """

    settings: ServingSettings
    host: str
    port: int
    workers: int
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Serve until asked to stop.

        Raises:
            AlreadyServedError: another service works on this data folder.
            PortError: the port is taken.
            DatabaseStartError: the database does not come up.
            ConfigurationError: a watched place is no folder and no bucket.
        """
        data_dir = make_data_dir(self.settings)
        open_places(self.settings.watch)  # a mistake in the setting is told now, not by a child
        with claim_data_dir(data_dir), listen(self.host, self.port) as listener:
            server = embedded_server(self.settings)
            database_url = bring_up_database(self.settings)
            try:
                self._run_on(database_url, listener, server)
            finally:
                if server is not None:
                    server.stop()
        click.echo("hazardlens has stopped.")

    def _run_on(
        self, database_url: str, listener: socket.socket, server: EmbeddedPostgres | None
    ) -> None:
        lifeline, held_end = os.pipe()
        prepare_folders(self.settings)
        children = self._children(database_url, listener.fileno(), lifeline)
        for child in children:
            child.keep_running()
        try:
            # The children import their libraries meanwhile.
            prepare_database(self.settings, database_url)
            if self.settings.demo:
                children.append(self._demo(database_url, lifeline))
            port = int(listener.getsockname()[1])
            threading.Thread(target=self._tell_ready, args=(port,), daemon=True).start()
            self._watch(children, server)
        finally:
            stop_all(children)
            os.close(held_end)
            os.close(lifeline)

    def _children(self, database_url: str, listener: int, lifeline: int) -> list[Child]:
        environment = child_environment(self.settings, database_url)
        incoming = str(self.settings.resolved_data_dir / "incoming")
        http = Child(
            "http",
            ["serving.supervisor.http_process", str(listener), str(lifeline)],
            environment | {"TMPDIR": incoming},
            (listener, lifeline),
        )
        workers = self._workers(environment, lifeline)
        return [http, *workers, *self._watchers(environment, lifeline)]

    def _workers(self, environment: dict[str, str], lifeline: int) -> list[Child]:
        cpus = count_cpus()
        workers = self.workers or choose_workers(cpus)
        own = worker_environment(environment, cpus=cpus, workers=workers)
        command = ["hazardlens", "worker", "--lifeline", str(lifeline)]
        return [
            Child(f"worker {number}", command, own, (lifeline,)) for number in range(1, workers + 1)
        ]

    def _watchers(self, environment: dict[str, str], lifeline: int) -> list[Child]:
        if not open_places(self.settings.watch):
            return []
        command = ["hazardlens", "watch", "--lifeline", str(lifeline)]
        return [Child("watch", command, environment, (lifeline,))]

    def _demo(self, database_url: str, lifeline: int) -> Child:
        environment = child_environment(self.settings, database_url)
        command = ["serving.supervisor.demo", str(lifeline)]
        return Child("demo", command, environment, (lifeline,), is_once=True)

    def _watch(self, children: list[Child], server: EmbeddedPostgres | None) -> None:
        next_ping = time.monotonic() + DATABASE_PING_S
        while not self.stop.is_set():
            if server is not None and time.monotonic() >= next_ping:
                _revive(server)
                next_ping = time.monotonic() + DATABASE_PING_S
            for child in children:
                child.keep_running()
            self.stop.wait(WATCH_S)

    def _tell_ready(self, port: int) -> None:
        url = f"http://{_visible_host(self.host)}:{port}"
        if wait_ready(_visible_host(self.host), port, self.stop):
            click.echo(f"hazardlens is ready: {url}")
            click.echo(f"data folder: {self.settings.resolved_data_dir}  (Ctrl-C stops)")


def prepare_folders(settings: ServingSettings) -> None:
    """Bring key and folders into order before anybody uploads."""
    load_secret_key(settings)
    swept = ObjectStore(settings.resolved_data_dir).sweep_incoming()
    if swept:
        logger.info("%d unfinished uploads were removed", swept)


def prepare_database(settings: ServingSettings, database_url: str) -> None:
    """Bring the tables into order and make the first user, whose password is shown once."""
    engine = open_engine(database_url, pool_size=1)
    upgrade_database(engine)
    given = settings.admin_password.get_secret_value()
    password = given or secrets.token_urlsafe(PASSWORD_BYTES)
    with make_sessions(engine).begin() as session:
        is_new = ensure_admin(session, password)
    engine.dispose()
    if is_new:
        shown = "as set in HAZARDLENS_ADMIN_PASSWORD" if given else password
        click.echo(f"first start: user {ADMIN_USERNAME}, password {shown}")


def child_environment(settings: ServingSettings, database_url: str) -> dict[str, str]:
    """Return the environment of our children: the same settings, the database that is up."""
    environment = dict(os.environ)
    environment.pop("HAZARDLENS_ADMIN_PASSWORD", None)
    environment["HAZARDLENS_DATABASE_URL"] = database_url
    environment["HAZARDLENS_DATA_DIR"] = str(settings.resolved_data_dir)
    return environment


def stop_on_signals(stop: threading.Event) -> None:
    """Let Ctrl-C, SIGTERM and the closing of the terminal end the service in order."""

    def ask(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)


def _revive(server: EmbeddedPostgres) -> None:
    """Start the embedded database again if it does not answer."""
    if server.is_up():
        return
    logger.warning("the database does not answer; starting it again")
    try:
        server.ensure_up()
    except HazardLensError as error:
        logger.warning("%s Trying again.", error)


def _visible_host(host: str) -> str:
    """Return an address that a browser on this machine can open."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - not bound here
