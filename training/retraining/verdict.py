"""Better, worse or cannot tell: what differences mean, as a code and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from detection.report.messages import Text
from training.retraining.paired import Difference

TEXTS_PATH = Path(__file__).with_name("messages.yaml")

Code = Literal["better", "worse", "cannot_tell"]

_BY_DIRECTION: Mapping[tuple[int, int], tuple[Code, str]] = {
    (1, 1): ("better", "both_better"),
    (1, 0): ("better", "more_found"),
    (0, 1): ("better", "fewer_alarms"),
    (0, 0): ("cannot_tell", "no_difference"),
    (0, -1): ("worse", "more_alarms"),
    (-1, 0): ("worse", "less_found"),
    (-1, -1): ("worse", "both_worse"),
    (1, -1): ("cannot_tell", "trade"),
    (-1, 1): ("cannot_tell", "trade"),
}
"""By whether more is found, and whether there are fewer false alarms."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison says; ``values`` fill the sentence."""

    code: Code
    reason: str
    values: Mapping[str, Text] = field(default_factory=dict)

    @property
    def sentence(self) -> Text:
        """The verdict in words."""
        text = load_texts()["sentences"][self.reason]
        return Text(
            text.zh.format(**{key: value.zh for key, value in self.values.items()}),
            text.en.format(**{key: value.en for key, value in self.values.items()}),
        )


@cache
def load_texts() -> dict[str, dict[str, Text]]:
    """Return the tables of texts, which are part of the code."""
    document = yaml.safe_load(TEXTS_PATH.read_text(encoding="utf-8"))
    return {
        table: {key: Text(**row) for key, row in rows.items()} for table, rows in document.items()
    }


def judge(recall: Difference, alarms: Difference, *, boxes: int, enough: bool) -> Verdict:
    """Return what two differences say; of too few true boxes nothing is said."""
    values = {
        "recall": _tell(recall, percent=True),
        "alarms": _tell(alarms, percent=False),
        "boxes": Text(str(boxes), str(boxes)),
    }
    if not enough:
        return Verdict("cannot_tell", "too_few", values)
    code, reason = _BY_DIRECTION[recall.direction, -alarms.direction]
    return Verdict(code, reason, values)


def judge_unlabelled(found: Difference) -> Verdict:
    """Return the verdict on photos of which nobody said what they show: there is none."""
    return Verdict("cannot_tell", "no_truth", {"found": _tell(found, percent=False)})


def join_classes(whole: Verdict, classes: Sequence[Verdict]) -> Verdict:
    """Return the verdict of all classes together: a class that got worse is no improvement."""
    if whole.code == "better" and any(one.code == "worse" for one in classes):
        return Verdict("cannot_tell", "trade", whole.values)
    return whole


def join_sets(named: Sequence[tuple[Text, Verdict]]) -> Verdict:
    """Return the verdict over all sets: better somewhere and worse nowhere, or the other way."""
    by_code: dict[str, list[Text]] = {"better": [], "worse": [], "cannot_tell": []}
    for title, one in named:
        by_code[one.code].append(title)
    values = {code: _join(titles) for code, titles in by_code.items()}
    if by_code["better"] and by_code["worse"]:
        return Verdict("cannot_tell", "sets_differ", values)
    if by_code["worse"]:
        return Verdict("worse", "sets_worse", values)
    if by_code["better"]:
        return Verdict("better", "sets_better", values)
    reasons = {one.reason for _, one in named}
    few = reasons <= {"too_few", "no_truth"}
    return Verdict("cannot_tell", "sets_too_few" if few else "sets_same", values)


def _join(titles: Sequence[Text]) -> Text:
    return Text("、".join(title.zh for title in titles), ", ".join(title.en for title in titles))


def _tell(change: Difference, *, percent: bool) -> Text:
    """Return ``+3.1 [-1.0, +7.2] points``, or that there is no figure."""
    if change.value is None:
        return Text("无数据", "no figure")
    factor, digits = (100.0, 1) if percent else (1.0, 2)
    zh_unit, en_unit = (" 个百分点", " points") if percent else ("", "")
    text = f"{factor * change.value:+.{digits}f}"
    if change.low is not None and change.high is not None:
        sides = (f"{factor * side:+.{digits}f}" for side in (change.low, change.high))
        text += f" [{', '.join(sides)}]"
    return Text(text + zh_unit, text + en_unit)
