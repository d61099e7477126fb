"""The reference page names everything that a user can set, meet or store."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import detection
import serving
from detection.domain.errors import HazardLensError
from detection.domain.reasons import REASONS
from detection.settings import DetectionSettings
from hazardlens import LazyCommands
from serving.api.problems import CODE_BY_STATUS, STATUS_BY_CODE
from serving.db.tables import Base
from serving.settings import ServingSettings
from training.data.findings import load_texts

ROOT = Path(__file__).resolve().parents[3]
SKIPPED_MODULES = ("serving.db.migrations",)  # alembic runs them, not we
WRITTEN_IN_PLACE = re.compile(
    r'(?:make_problem\(\s*\d+,\s*|IngestFailure\(\s*[\w.]+,\s*)"([a-z_]+)"'
)
CODE_OF_A_CLASS = re.compile(r'^    code = "([a-z_]+)"$', re.MULTILINE)
FIRST_CELL = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


@cache
def rows() -> frozenset[str]:
    """First cells of all tables of the page."""
    return frozenset(FIRST_CELL.findall((ROOT / "docs/reference.md").read_text(encoding="utf-8")))


def import_all(room: ModuleType) -> None:
    for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        is_main = found.name.endswith("__main__")
        if not is_main and not found.name.startswith(SKIPPED_MODULES):
            importlib.import_module(found.name)


def error_codes() -> set[str]:
    """Codes of all error classes of ours, found among the subclasses themselves."""
    for room in (detection, serving):
        import_all(room)
    classes: list[type[HazardLensError]] = [HazardLensError]
    for each in classes:
        classes += each.__subclasses__()
    return {each.code for each in classes if each.__module__.startswith(("detection.", "serving."))}


def codes_written_in_place() -> set[str]:
    """Codes that are given as a word where an answer or a failure is made."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "serving").rglob("*.py")]
    return {code for source in sources for code in WRITTEN_IN_PLACE.findall(source)}


@pytest.mark.parametrize("settings", [ServingSettings, DetectionSettings])
def test_every_setting_is_there(settings: type[ServingSettings | DetectionSettings]) -> None:
    prefix = str(settings.model_config["env_prefix"])
    names = {f"{prefix}{name}".upper() for name in settings.model_fields}
    assert names - rows() == set()


def test_no_setting_is_there_that_is_gone() -> None:
    known = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in (ServingSettings, DetectionSettings)
        for name in settings.model_fields
    }
    others = {"HAZARDLENS_NEW_PASSWORD", "HAZARDLENS_SHARED_DIR", "HAZARDLENS_SIGNING_KEY"}
    others |= {"HAZARDLENS_SERVER", "HAZARDLENS_USER", "HAZARDLENS_PASSWORD"}
    assert {row for row in rows() if row.startswith("HAZARDLENS_")} == known | others


def test_every_table_is_there() -> None:
    assert set(Base.metadata.tables) - rows() == set()


def test_every_error_code_is_there() -> None:
    codes = error_codes() | set(STATUS_BY_CODE) | set(CODE_BY_STATUS.values())
    assert {"flight_not_open", "port_unavailable", "model_error"} <= codes, "the search is broken"
    assert codes - rows() == set()


def test_every_code_of_labelled_data_is_there() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "training").rglob("*.py")]
    codes = {code for source in sources for code in CODE_OF_A_CLASS.findall(source)}
    assert {"leak", "audit_failed", "promotion_refused"} <= codes, "the search is broken"
    assert codes - rows() == set()
    page = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert [code for code in load_texts() if f"`{code}`" not in page] == []


def test_every_code_written_in_place_is_there() -> None:
    codes = codes_written_in_place()
    assert {"internal_error", "invalid_request", "processing_crashed"} <= codes, "search is broken"
    assert codes - rows() == set()


def test_every_reason_is_there() -> None:
    assert set(REASONS) - rows() == set()


def test_every_command_has_its_exit_codes() -> None:
    assert {f"hazardlens {name}" for name in LazyCommands.locations} - rows() == set()


def test_every_known_status_is_the_documented_one() -> None:
    page = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", page, re.MULTILINE))
    expected = {code: str(status) for code, status in STATUS_BY_CODE.items() if code in documented}
    assert {code: documented[code] for code in expected} == expected


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_page_is_linked(name: str) -> None:
    assert "(docs/reference.md)" in (ROOT / name).read_text(encoding="utf-8")
