"""The pages load nothing from elsewhere and nothing that the policy forbids."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from serving.web.i18n import WEB_DIR
from serving.web.vendor import (
    NODE_MODULES_DIR,
    PROJECT_DIR,
    VENDOR_DIR,
    VENDOR_FILES,
    copy_vendor_files,
    list_missing,
    main,
)

STATIC = WEB_DIR / "static"
TEMPLATES = sorted((WEB_DIR / "templates").glob("*.html"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
STYLES = sorted((STATIC / "css").glob("*.css"))
ADDRESS = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)
MAX_SCRIPT_BYTES_GZIPPED = 700_000


def test_there_is_something_to_check() -> None:
    assert len(TEMPLATES) > 10
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_no_address_of_another_machine(path: Path) -> None:
    assert ADDRESS.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_code(path: Path) -> None:
    text = path.read_text("utf-8")
    for attributes in re.findall(r"<script\b([^>]*)>", text):
        assert 'type="application/json"' in attributes or 'src="{{ static_url(' in attributes
    assert re.findall(r"\son[a-z]+=", text) == []
    assert re.findall(r"hx-on|javascript:|\bjs:", text) == []
    assert "| safe" not in text


def test_every_static_file_that_a_page_names_is_there() -> None:
    named = {
        name
        for path in TEMPLATES
        for name in re.findall(r"static_url\('([^']+)'\)", path.read_text("utf-8"))
    }
    assert len(named) > 10
    vendored = {f"vendor/{name}" for name in VENDOR_FILES}
    assert [name for name in named if name not in vendored and not (STATIC / name).is_file()] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_what_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    for name, module in re.findall(r'import \{([^}]*)\} from "\./([\w.]+)"', text):
        exported = (STATIC / "js" / module).read_text("utf-8")
        for each in filter(None, (part.strip() for part in name.split(","))):
            pattern = rf"export (async )?(function\*?|class|const|let) {each}\b"
            assert re.search(pattern, exported), f"{module} does not export {each}"
    assert "innerHTML" not in text or path.name == "review_screen.js"
    assert re.findall(r"\beval\(|new Function", text) == []


def test_lock_file_pins_without_addresses() -> None:
    package = json.loads((PROJECT_DIR / "package.json").read_text("utf-8"))
    lock = json.loads((PROJECT_DIR / "package-lock.json").read_text("utf-8"))
    locked = {
        name.removeprefix("node_modules/"): entry
        for name, entry in lock["packages"].items()
        if name
    }
    wanted = package["dependencies"] | package["devDependencies"]
    assert {name: locked[name]["version"] for name in wanted} == wanted
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert not any({"resolved", "funding"} & set(entry) for entry in locked.values())


def test_vendor_files_are_copied_whole_and_without_maps(tmp_path: Path) -> None:
    modules, target = tmp_path / "node_modules", tmp_path / "vendor"
    for name in VENDOR_FILES.values():
        source = modules / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(f"/* {name} */\n//# sourceMappingURL=x.map\n".encode())
    assert len(list_missing(target)) == len(VENDOR_FILES)
    assert copy_vendor_files(modules, target) == len(VENDOR_FILES)
    assert list_missing(target) == []
    assert b"htmx" in (target / "htmx.min.js").read_bytes()
    assert b"sourceMappingURL" not in (target / "htmx.min.js").read_bytes()


def test_vendor_names_what_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="npm ci"):
        copy_vendor_files(tmp_path / "none", tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()
    missing = tmp_path / "none"
    monkeypatch.setattr("serving.web.vendor.copy_vendor_files", lambda: copy_vendor_files(missing))
    assert main() == 1
    assert "npm ci --ignore-scripts" in capsys.readouterr().err


def test_all_scripts_together_stay_small() -> None:
    if list_missing() or not NODE_MODULES_DIR.is_dir():
        pytest.skip("the third-party scripts are not set up: run `make unit`")
    scripts = sorted(STATIC.rglob("*.js"))  # ours and others', modules of libraries too
    assert set(scripts) >= {*SCRIPTS, *VENDOR_DIR.glob("*.js")}
    total = sum(len(gzip.compress(path.read_bytes())) for path in scripts)
    assert total <= MAX_SCRIPT_BYTES_GZIPPED
