"""The whole trip with a real Label Studio (``make label-studio``): minutes, so a soak test."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import uvicorn
from pydantic import SecretStr
from sqlalchemy import select

from serving.app import create_app
from serving.audit.log import SERVICE
from serving.db.label_annotations import list_standing
from serving.db.tables import LabelEventRow, LabelTaskRow
from serving.deps import Services
from serving.jobs.label_orders import PushFilter, order_push_filter
from serving.labelstudio.board import Board, open_board
from serving.labelstudio.convert import PictureSize, Shape, box_region
from serving.labelstudio.errors import LabelStudioTokenRevokedError
from serving.labelstudio.projects import set_up_projects
from serving.labelstudio.reading import shape_from_columns
from serving.labelstudio.sync import pull, push, reconcile
from serving.labelstudio.webhook import work_off_events
from serving.settings import ServingSettings
from tests.label_studio_server import PROGRAM, Drawer, RealServer, find_free_port
from tests.photos_to_draw import HEIGHT_PX, WIDTH_PX, put_in_photos

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not PROGRAM.is_file(), reason="needs make label-studio (0.8 GB)"),
]

SIZE = PictureSize(WIDTH_PX, HEIGHT_PX)

# Writes down every address outside this machine that the server asks for.
LISTEN = """
import json, os, socket
_connect, _find = socket.socket.connect, socket.getaddrinfo
def _note(host):
    if str(host) not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "None", ""):
        with open(os.environ["ASKED_FILE"], "a") as file:
            file.write(json.dumps(str(host)) + "\\n")
def connect(self, address):
    if isinstance(address, tuple):
        _note(address[0])
    return _connect(self, address)
def getaddrinfo(host, *rest, **more):
    _note(host)
    return _find(host, *rest, **more)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


@pytest.fixture(scope="module")
def asked_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("asked") / "hosts.txt"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, asked_file: Path) -> Iterator[RealServer]:
    listener = tmp_path_factory.mktemp("listener")
    (listener / "sitecustomize.py").write_text(LISTEN, encoding="utf-8")
    more = {"PYTHONPATH": str(listener), "ASKED_FILE": str(asked_file)}
    found = RealServer(tmp_path_factory.mktemp("label-studio"), more)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def token(server: RealServer) -> str:
    return server.make_token()


@pytest.fixture
def settings(settings: ServingSettings, server: RealServer, token: str) -> ServingSettings:
    given = {
        "label_studio_url": server.place.url,
        "label_studio_token": SecretStr(token),
        "label_studio_public_url": f"http://127.0.0.1:{find_free_port()}",
    }
    return settings.model_copy(update=given)


@pytest.fixture
def listening(settings: ServingSettings) -> Iterator[None]:
    """Our own service, over HTTP, where webhooks arrive."""
    port = int(settings.label_studio_public_url.rsplit(":", 1)[1])
    app = create_app(settings)
    ours = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=ours.run, daemon=True)
    thread.start()
    while not ours.started:
        time.sleep(0.05)
    yield
    ours.should_exit = True
    thread.join()
    app.state.services.engine.dispose()


@pytest.fixture
def board(services: Services) -> Iterator[Board]:
    with open_board(services.settings, services.sessions, services.store) as found:
        yield found


def tasks_of(board: Board) -> list[LabelTaskRow]:
    with board.sessions() as session:
        boxes = select(LabelTaskRow).where(LabelTaskRow.geometry == "boxes")
        return list(session.scalars(boxes.order_by(LabelTaskRow.id)))


@pytest.mark.usefixtures("listening")
def test_drawings_come_back_whole_and_nothing_leaves_the_machine(
    board: Board, server: RealServer, token: str, asked_file: Path
) -> None:
    with board.sessions.begin() as session:
        flight_id = put_in_photos(session, board.store, 8, crack_every=4)
        session.flush()
    made = set_up_projects(board, SERVICE)
    assert [each.has_webhook for each in made] == [True, True]
    assert [each.is_new for each in set_up_projects(board, SERVICE)] == [False, False]
    with board.sessions.begin() as session:
        order_push_filter(session, PushFilter(flight_id), SERVICE)
    assert [(each.sent, each.error) for each in push(board)] == [(6, None), (2, None)]
    numbers = [row.board_task_id or 0 for row in tasks_of(board)]
    drawer = Drawer(server.place.url, token, timeout_s=60)

    turned = box_region(Shape("manhole_ok", (900, 700, 1300, 900), "my own"), SIZE)
    turned["value"]["rotation"] = 20.0
    own = drawer.draw(numbers[0], [turned])
    drawer.draw(numbers[1], [], was_cancelled=True)
    other = drawer.add_person("second@hazardlens.local")
    drawer.draw(numbers[2], [turned])
    drawer.draw(numbers[2], [], completed_by=other)
    stray = json.loads(json.dumps(turned).replace("manhole_ok", "龙"))
    drawer.draw(numbers[3], [stray])
    for _ in range(100):  # the webhooks arrive by themselves
        with board.sessions() as session:
            told = session.scalars(select(LabelEventRow.action)).all()
        if len(told) >= 5:
            break
        time.sleep(0.1)
    assert set(told) == {"ANNOTATION_CREATED"}
    work_off_events(board)
    states = [row.state for row in tasks_of(board)]
    assert states == ["drawn", "skipped", "disagreeing", "refused", "open", "open"]
    with board.sessions() as session:
        (row,) = [each for each in list_standing(session) if each.annotation_id == own]
    assert row.shapes[0]["rotation_deg"] == pytest.approx(20.0)
    corner = (shape_from_columns(row.shapes[0]).outline or ())[0]
    assert corner == pytest.approx((900, 700), abs=0.01)

    drawer.edit(own, result=[])
    drawer.delete_task(numbers[4])
    outcome = reconcile(board)[0]
    assert (outcome.error, outcome.deleted) == (None, 1)
    with board.sessions() as session:
        (row,) = [each for each in list_standing(session) if each.annotation_id == own]
    assert row.shapes == []
    requests.get(f"{server.place.url}/heidi-tips", timeout=60)
    assert not asked_file.exists(), asked_file.read_text(encoding="utf-8")


def test_revoked_token_is_named(board: Board, server: RealServer, token: str) -> None:
    set_up_projects(board, SERVICE)
    drawer = Drawer(server.place.url, token)
    drawer.count_tasks(1)
    drawer.revoke(token)
    board.client.forget_access()
    errors = [each.error for each in pull(board)]
    assert all(isinstance(error, LabelStudioTokenRevokedError) for error in errors)
