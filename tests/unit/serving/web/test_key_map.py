"""The table of keys, as the scripts look keys up in it; run by node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.web.i18n import WEB_DIR

SCRIPTS = WEB_DIR / "static" / "js"
TABLE = [
    {"act": "confirm", "codes": ["KeyC", "Digit1"]},
    {"act": "reject", "codes": ["KeyX"]},
    {"act": "compare", "codes": ["Shift+KeyX"]},
]

Ask = Callable[..., object]


@pytest.fixture
def keys(tmp_path: Path) -> Ask:
    """Return a function that answers an expression over `keys`, a map with changes."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    (tmp_path / "key_map.mjs").write_bytes((SCRIPTS / "key_map.js").read_bytes())

    def ask(expression: str, changes: dict[str, list[str]] | None = None) -> object:
        code = (
            'import { KeyMap } from "./key_map.mjs";\n'
            f"const keys = new KeyMap({json.dumps(TABLE)}, {json.dumps(changes or {})});\n"
            f"console.log(JSON.stringify({expression} ?? null));\n"
        )
        (tmp_path / "ask.mjs").write_text(code, encoding="utf-8")
        done = subprocess.run(
            [node, str(tmp_path / "ask.mjs")], capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    return ask


def test_shift_counts_only_where_an_act_asks_for_it(keys: Ask) -> None:
    asked = '["KeyC", "Shift+KeyC", "KeyX", "Shift+KeyX", "Ctrl+KeyC", "KeyQ"]'
    found = keys(f"{asked}.map((chord) => keys.actOf(chord))")
    assert found == ["confirm", "confirm", "reject", "compare", None, None]


def test_the_persons_choice_goes_before_what_came_later(keys: Ask) -> None:
    changes = {"confirm": ["KeyX"]}
    found = keys('["KeyX", "KeyC"].map((chord) => keys.actOf(chord))', changes)
    assert found == ["confirm", None]
    assert keys('keys.codesOf("reject")', changes) == []


def test_conflicts_are_named(keys: Ask) -> None:
    asked = '["KeyX", "KeyC", "KeyQ", "Escape", "Ctrl+KeyT"]'
    found = keys(f'{asked}.map((chord) => keys.conflict("confirm", chord))')
    reserved = {"code": "reserved"}
    assert found == [{"code": "taken", "act": "reject"}, None, None, reserved, reserved]


def test_only_what_differs_from_the_table_is_stored(keys: Ask) -> None:
    assert keys('keys.changed("confirm", ["KeyY"])') == {"confirm": ["KeyY"]}
    changes = {"confirm": ["KeyY"], "reject": ["KeyQ"]}
    back = keys('keys.changed("confirm", ["KeyC", "Digit1"])', changes)
    assert back == {"reject": ["KeyQ"]}


def test_no_key_of_the_delivered_table_does_two_things() -> None:
    table = (SCRIPTS / "key_table.js").read_text(encoding="utf-8")
    codes = [
        code
        for row in re.findall(r"codes: \[([^\]]*)\]", table)
        for code in re.findall(r'"([^"]+)"', row)
    ]
    assert len(codes) > 20
    assert sorted(codes) == sorted(set(codes))
