"""The words of all topics around models and labels together: add a topic's module to ``TOPICS``.

Each has tables of problems, of acts, subjects and fields of the audit log, as far as it needs them.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from serving.web import (
    learning_labels_calibration,
    learning_labels_decisions,
    learning_labels_judging,
    learning_labels_label_studio,
    learning_labels_selection,
    learning_labels_training,
)

TOPICS: Final[tuple[ModuleType, ...]] = (
    learning_labels_calibration,
    learning_labels_decisions,
    learning_labels_judging,
    learning_labels_label_studio,
    learning_labels_selection,
    learning_labels_training,
)


def _gather(table: str) -> dict[str, Any]:
    return {key: text for topic in TOPICS for key, text in getattr(topic, table, {}).items()}


PROBLEMS: Final[dict[str, tuple[str, str]]] = _gather("PROBLEMS")
ACTS: Final[dict[str, str]] = _gather("ACTS")
SUBJECT_KINDS: Final[dict[str, str]] = _gather("SUBJECT_KINDS")
FIELDS: Final[dict[str, str]] = _gather("FIELDS")
