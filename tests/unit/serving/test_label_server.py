"""The Label Studio that we start ourselves: silent, on its own port, told of plainly."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from serving.labelstudio.errors import BoardServerError
from serving.labelstudio.server import ServerPlace, make_environment, start_server


def test_server_is_told_to_report_to_nobody_and_knows_no_setting_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAZARDLENS_SECRET_KEY", "ours")
    monkeypatch.setenv("SENTRY_DSN", "https://somebody.example")
    monkeypatch.setenv("LABEL_STUDIO_COLLECT_ANALYTICS", "true")
    place = ServerPlace(tmp_path / "label-studio", tmp_path, 8080)
    environment = make_environment(place, "secret", "http://drone.city:8000")
    assert environment["SENTRY_DSN"] == environment["FRONTEND_SENTRY_DSN"] == ""
    assert environment["COLLECT_ANALYTICS"] == environment["LATEST_VERSION_CHECK"] == "false"
    assert "drone.city" in environment["NO_PROXY"]
    assert not [name for name in environment if name.startswith("HAZARDLENS_")]
    assert "LABEL_STUDIO_COLLECT_ANALYTICS" not in environment


def test_missing_program_and_taken_port_are_named(tmp_path: Path) -> None:
    with pytest.raises(BoardServerError, match="no Label Studio") as missing:
        start_server(ServerPlace(tmp_path / "nothing", tmp_path, 8080), "x")
    assert "make label-studio" in missing.value.remedy
    program = tmp_path / "label-studio"
    program.touch()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BoardServerError, match=f"Port {port}"):
            start_server(ServerPlace(program, tmp_path, port), "x")
