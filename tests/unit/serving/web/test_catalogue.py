from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

from detection.domain.photo import FlightKind
from detection.domain.reasons import REASONS
from serving.accounts.roles import Role
from serving.api.problems import CODE_BY_STATUS, STATUS_BY_CODE
from serving.api.schemas import FlightState
from serving.review.decision import STATE_AFTER, CandidateState, Verdict
from serving.web import labels
from serving.web.catalogue import (
    CATALOGUE_PATH,
    collect_messages,
    list_untranslated,
    main,
    read_catalogue,
    update_catalogue,
)
from serving.web.i18n import list_script_messages, load_translations, select_language
from serving.web.problem_texts import PROBLEMS
from serving.web.rendering import Words

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACE = re.compile(r"\{\w+\}")
# Codes that no page can meet: of the command line, or of programs that speak the interface wrongly.
CODES_FOR_OTHERS = {
    "bad_request",
    "method_not_allowed",
    "unsupported_media_type",
    "user_exists",
    "user_not_found",
    "weak_password",
}


def test_every_message_has_a_chinese_text() -> None:
    messages = collect_messages()
    assert len(messages) > 200
    assert list_untranslated(read_catalogue(), messages) == []


def test_catalogue_holds_nothing_that_is_not_used() -> None:
    known = {message.id for message in read_catalogue() if message.id}
    assert known - collect_messages() == set()


def test_chinese_texts_are_chinese_and_keep_their_places() -> None:
    for message in read_catalogue():
        if not message.id:
            continue
        one = message.id if isinstance(message.id, str) else message.id[0]
        texts = [message.string] if isinstance(message.string, str) else message.string
        for text in filter(None, texts or ()):
            assert CHINESE.search(text), one
            assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(one)), one


def test_an_untranslated_message_is_found() -> None:
    catalogue = read_catalogue()
    assert list_untranslated(catalogue, {"A text nobody wrote."}) == ["A text nobody wrote."]
    updated = update_catalogue(catalogue, {"A text nobody wrote.", "Flights"})
    assert list_untranslated(updated, {"A text nobody wrote.", "Flights"}) == [
        "A text nobody wrote."
    ]


def test_rewriting_the_catalogue_changes_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "messages.po"
    copy.write_bytes(CATALOGUE_PATH.read_bytes())
    assert main(copy) == 0
    assert copy.read_text("utf-8") == CATALOGUE_PATH.read_text("utf-8")


def test_scripts_get_their_own_messages() -> None:
    messages = list_script_messages()
    assert "All decisions saved" in messages
    assert "Sign out" not in messages


def test_every_code_has_words() -> None:
    assert set(labels.CANDIDATE_STATES) == {state.value for state in CandidateState}
    assert set(labels.VERDICTS) == {verdict.value for verdict in Verdict}
    assert set(labels.ROLES) == {role.value for role in Role}
    assert set(labels.FLIGHT_KINDS) == {kind.value for kind in FlightKind}
    states = {verdict.value: state.value for verdict, state in STATE_AFTER.items()}
    assert states == labels.STATE_OF_VERDICT


def test_every_flight_state_has_a_word() -> None:
    assert set(labels.FLIGHT_STATES) == set(get_args(FlightState))


def test_every_problem_that_a_page_can_meet_has_words() -> None:
    codes = (set(STATUS_BY_CODE) | set(CODE_BY_STATUS.values())) - CODES_FOR_OTHERS
    assert codes - set(PROBLEMS) - set(REASONS) == set()


def test_words_fill_places_and_fall_back() -> None:
    zh, en = Words("zh_CN"), Words("en")
    assert en.translate_count("{num} photo", "{num} photos", 1) == "1 photo"
    assert en.translate_count("{num} photo", "{num} photos", 3) == "3 photos"
    assert zh.translate_count("{num} photo", "{num} photos", 3) == "3 张照片"
    assert zh.label(labels.FLIGHT_STATES, "done") == "已完成"
    assert zh.label(labels.FLIGHT_STATES, "of another age") == "of another age"
    assert zh.explain("truncated_image")[0] == "照片不完整\uff0c数据中途截断。"
    assert zh.explain("unheard_of", "It broke.", "Mend it.") == ("It broke.", "Mend it.")
    assert zh.explain("unheard_of") == ("", "")


def test_durations_are_coarse() -> None:
    en = Words("en")
    assert en.describe_duration(0.2) == "1 s"
    assert en.describe_duration(59) == "59 s"
    assert en.describe_duration(90) == "2 min"
    assert en.describe_duration(3 * 3600 + 25 * 60) == "3 h 25 min"


def test_unknown_language_is_chinese() -> None:
    assert select_language(None) == "zh_CN"
    assert select_language("../../etc") == "zh_CN"
    assert select_language("en") == "en"
    assert load_translations("en").gettext("Flights") == "Flights"


def test_the_command_reports_a_complete_catalogue() -> None:
    command = [sys.executable, "-m", "serving.web.catalogue"]
    before = CATALOGUE_PATH.read_bytes()
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "0 without Chinese" in result.stdout
    assert CATALOGUE_PATH.read_bytes() == before
