"""Figures on pages: every error is one at 95 %, and no estimate is certain."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from serving.web.figures import show_error, show_percent, show_score, show_with_error
from serving.web.i18n import WEB_DIR

SCORES = {0.9971: "> 0.99", 0.99: "0.99", 1.0: "1.00", 0.87: "0.87", 0.002: "< 0.01", 0.0: "0.00"}
ERRORS = {0.21: "0.4", 0.05: "0.1", 0.001: "0.1", 1.0: "2.0"}
ASK = """import { errorAt95, formatScore } from "./format.mjs";
const [scores, errors] = JSON.parse(process.argv[2]);
console.log(JSON.stringify([scores.map(formatScore), errors.map((one) => errorAt95(one))]));
"""


def test_an_error_is_said_at_95_percent_and_never_as_none() -> None:
    assert show_with_error(3.02, 0.21, "m", signed=True) == "+3.0 ± 0.4 m"
    assert show_with_error(-0.04, 0.2, "m", signed=True) == "+0.0 ± 0.4 m"
    assert show_with_error(-3.02, None, "m") == "\N{MINUS SIGN}3.0 m"
    assert show_with_error(4.0, 0.001) == "4.0 ± 0.1"
    assert show_with_error(None, 0.2, "m") == ""
    assert {std: show_error(std) for std in ERRORS} == ERRORS
    assert show_error(0.08, decimals=2) == "0.16"


def test_what_is_nearly_certain_is_not_shown_as_certain() -> None:
    assert {score: show_score(score) for score in SCORES} == SCORES
    assert [show_percent(each) for each in (0.999, 0.42, 0.001)] == [">99%", "42%", "<1%"]


def test_scripts_show_the_same(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    script = (WEB_DIR / "static" / "js" / "format.js").read_text(encoding="utf-8")
    (tmp_path / "format.mjs").write_text(script.replace("./i18n.js", "./i18n.mjs"), "utf-8")
    (tmp_path / "i18n.mjs").write_text("export const language = 'en'; export const _ = String;")
    (tmp_path / "ask.mjs").write_text(ASK, encoding="utf-8")
    command = [node, str(tmp_path / "ask.mjs"), json.dumps([list(SCORES), list(ERRORS)])]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == [list(SCORES.values()), list(ERRORS.values())]
