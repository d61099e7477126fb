"""What keeps processes and claims in order, without the service itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.db import embedded
from serving.supervisor.children import Child
from serving.supervisor.claims import AlreadyServedError, PortError, claim_data_dir, listen

ROOT = Path(__file__).resolve().parents[3]


def test_second_claim_of_a_data_folder_is_refused_by_name(tmp_path: Path) -> None:
    with claim_data_dir(tmp_path):
        with pytest.raises(AlreadyServedError, match=str(os.getpid())), claim_data_dir(tmp_path):
            pass
        with pytest.raises(AlreadyServedError, match=str(os.getpid())), claim_data_dir(tmp_path):
            pass
    with claim_data_dir(tmp_path):
        pass


def test_port_in_use_is_refused_by_name() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port} is in use"):
            listen("127.0.0.1", port)


def test_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(PortError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_long_or_strange_paths_get_a_short_socket_folder(tmp_path: Path) -> None:
    assert embedded._socket_dir_for(Path("/srv/数据")) == Path("/srv/数据/postgres-socket")
    for long_path in (Path("/srv") / ("x" * 90), Path("/srv") / ("数" * 30), Path("/srv/a,b")):
        short = embedded._socket_dir_for(long_path)
        assert len(os.fsencode(short / ".s.PGSQL.5432")) <= embedded.MAX_SOCKET_PATH_BYTES
        assert "," not in str(short)
        assert short == embedded._socket_dir_for(long_path)
    first, second = (embedded._socket_dir_for(tmp_path / ("y" * 100) / name) for name in "ab")
    assert first != second


@pytest.mark.parametrize("content", ["our own", "99999999", "", "rubbish"])
def test_pid_file_of_no_database_is_removed(content: str, tmp_path: Path) -> None:
    number = str(os.getpid()) if content == "our own" else content
    (tmp_path / "postmaster.pid").write_text(number)
    embedded._remove_stale_pid_file(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()


def test_child_that_ends_is_started_again_after_a_pause() -> None:
    child = Child("short", ["this"], os.environ)
    try:
        child.keep_running()
        first = child.pid
        assert first is not None
        deadline = time.monotonic() + 30
        while child.pid in {first, None}:
            assert time.monotonic() < deadline
            child.keep_running()
            time.sleep(0.05)
    finally:
        child.ask_to_stop()
        child.wait_stopped(time.monotonic() + 5)


def test_child_that_is_done_once_is_not_started_again() -> None:
    child = Child("once", ["this"], os.environ, is_once=True)
    child.keep_running()
    deadline = time.monotonic() + 30
    while child.pid is not None:
        assert time.monotonic() < deadline
        child.keep_running()
        time.sleep(0.05)
    time.sleep(0.7)
    child.keep_running()
    assert child.pid is None


def test_process_ends_when_its_lifeline_is_cut() -> None:
    code = (
        "import sys, time; from serving.supervisor.lifeline import hold_lifeline;"
        "hold_lifeline(int(sys.argv[1])); print('up', flush=True); time.sleep(60)"
    )
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(reading)],
        pass_fds=(reading,),
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        os.close(reading)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.close(writing)
        assert process.wait(20) != 0
