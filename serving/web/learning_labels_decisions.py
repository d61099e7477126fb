"""Words for decisions that are handed out for a model to learn from."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "no_decisions": (
        N_("Nothing was confirmed, rejected or drawn on the photos that are asked for."),
        N_("Decide candidates first, or ask for more flights or an earlier day."),
    ),
    "folder_in_use": (
        N_("The folder holds files that are no export of decisions."),
        N_("Give an empty folder, or one of an earlier export."),
    ),
    "blurring_missing": (
        N_("Faces and number plates cannot be looked for here, so no photo is handed out."),
        N_("Have the service installed with the OpenCV that its requirements name."),
    ),
}
ACTS: Final[dict[str, str]] = {"export_decisions": N_("Decisions exported")}
SUBJECT_KINDS: Final[dict[str, str]] = {"decisions": N_("Decisions")}
FIELDS: Final[dict[str, str]] = {
    "photos": N_("Photos"),
    "confirmed": N_("Confirmed"),
    "rejected": N_("Rejected"),
    "drawn": N_("Drawn"),
    "undecided": N_("Undecided"),
    "out": N_("Folder"),
}
