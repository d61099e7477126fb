"""The processes of the service under test, found by its own data folder."""

from __future__ import annotations

import os
from pathlib import Path

from tests.serving_process import command_line

HTTP_WORDS = "serving.supervisor.http_process"


def kill_http_process(data_dir: Path, with_signal: int) -> int:
    """Kill the process that answers HTTP for ``data_dir``; the supervisor starts another one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _serves(int(entry.name), data_dir):
            os.kill(int(entry.name), with_signal)
            return int(entry.name)
    message = f"nothing answers HTTP for {data_dir}"
    raise AssertionError(message)


def _serves(pid: int, data_dir: Path) -> bool:
    if HTTP_WORDS not in command_line(pid):
        return False
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return f"HAZARDLENS_DATA_DIR={data_dir}".encode() in environment
