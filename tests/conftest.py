"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of labelled data and real flights; the test is skipped where there is none."""
    folder = Path(os.environ.get("HAZARDLENS_SHARED_DIR", ROOT.parent / "shared"))
    if not (folder / "flights").is_dir():
        pytest.skip(f"needs the labelled data and flights, which are not in {folder}")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people ask for pictures of the pages that the browser tests open."""
    parser.addoption("--shots", metavar="FOLDER", help="keep screenshots of every page there")
