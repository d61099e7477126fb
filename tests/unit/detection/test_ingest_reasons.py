from __future__ import annotations

import re

import pytest

from detection.domain.reasons import REASONS, Severity, build_failure, explain_reason


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_says_what_and_what_to_do(code: str) -> None:
    reason = explain_reason(code)
    assert reason.code == code
    assert re.fullmatch(r"[a-z_]+", code)
    assert reason.message_en.endswith(".")
    assert reason.remedy_en.endswith(".")


def test_a_row_carries_the_reason_and_the_detail() -> None:
    row = build_failure("照片.jpg", "too_small", "40 x 30 px")
    assert (row.photo_id, row.code) == ("照片.jpg", "too_small")
    assert row.message == "The photo is too small to show anything. (40 x 30 px)"
    assert row.remedy == REASONS["too_small"].remedy_en


def test_an_unknown_code_is_still_a_row() -> None:
    reason = explain_reason("from_the_future")
    assert reason.severity is Severity.FAILURE
    assert "from_the_future" in reason.message_en
    assert reason.remedy_en
