from __future__ import annotations

import pwd
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.db import server_account
from serving.db.server_account import SYSTEM_USER, ServerAccount, find_account


def test_first_starts_at_once_create_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[int] = []
    both = threading.Barrier(2)

    def create() -> None:
        time.sleep(0.1)  # as long as another one would need to find no user either
        created.append(999 - len(created))

    def look_up(name: str) -> pwd.struct_passwd:
        if not created:
            raise KeyError(name)
        return pwd.struct_passwd((name, "x", created[-1], 990, "", "/nowhere", "/bin/false"))

    def start(_: int) -> ServerAccount:
        both.wait()
        return find_account()

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwnam", look_up)
    monkeypatch.setattr(server_account, "_create_system_user", create)
    monkeypatch.setattr(ServerAccount, "open_way_to", lambda *_: None)
    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(start, range(2)))
    assert created == [999]
    assert found == {ServerAccount(SYSTEM_USER, 999, 990)}
