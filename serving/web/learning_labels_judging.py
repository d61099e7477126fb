"""Words for suspected labels and for shadow models that are held against those in force."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

SUSPECT_KINDS: Final[dict[str, str]] = {
    "missing_label": N_("Thing without a label"),
    "no_object": N_("Label on nothing"),
    "wrong_class": N_("Wrong class"),
    "bad_box": N_("Box in the wrong place"),
}
SUSPECT_STATES: Final[dict[str, str]] = {
    "open": N_("to be looked at"),
    "accepted": N_("label is right"),
    "fixed": N_("put right"),
    "dropped": N_("label taken out"),
    "unsure": N_("not certain"),
    "returned": N_("back in review"),
}
SUSPECT_FIXES: Final[dict[str, str]] = {
    "add_label": N_("Add the model's box as a label"),
    "relabel": N_("Take the model's class"),
    "rebox": N_("Take the model's box"),
    "drop_label": N_("Take the label out"),
    "draw": N_("Wrong: has to be drawn"),
}
SUSPECT_QUESTIONS: Final[dict[str, str]] = {
    "missing_label": N_("Is there a thing that should have a label?"),
    "no_object": N_("Is there really such a thing in the label's box?"),
    "wrong_class": N_("Which class is right?"),
    "bad_box": N_("Which box is right?"),
}
SPLITS: Final[dict[str, str]] = {
    "train": N_("training photo"),
    "val": N_("held-out photo (val)"),
    "test": N_("held-out photo (test)"),
}
TALLY_VERDICTS: Final[dict[str, str]] = {
    "too_few": N_("Too few judged to say anything"),
    "no_difference": N_("No difference that is more than chance"),
    "shadow": N_("The shadow model is right more often"),
    "current": N_("The model in force is right more often"),
}
JUDGEMENTS: Final[dict[str, str]] = {
    "shadow": N_("Shadow model right"),
    "current": N_("Model in force right"),
    "neither": N_("Both wrong"),
    "unsure": N_("Not certain"),
}
PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "suspect_not_found": (
        N_("There is no such suspected label."),
        N_("Go back to the list of suspects."),
    ),
    "suspect_answered": (
        N_("Somebody has answered this meanwhile."),
        N_("Look at it again; take the answer back to change it."),
    ),
    "suspect_answer_unfit": (
        N_("This answer does not fit what is suspected."),
        N_("A label that goes back to a decision is put right in review."),
    ),
    "suspects_file": (
        N_("The list of suspects cannot be used."),
        N_("Make the list anew: hazardlens data label-errors."),
    ),
    "shadow_difference_not_found": (
        N_("There is no such difference."),
        N_("Go back to the list of shadow models."),
    ),
    "shadow_difference_judged": (
        N_("Somebody has judged this meanwhile."),
        N_("Look at it again; take the judgement back to change it."),
    ),
}
ACTS: Final[dict[str, str]] = {
    "import_suspects": N_("Suspected labels taken in"),
    "answer_suspect": N_("Suspected label answered"),
    "undo_suspect": N_("Answer on a suspected label taken back"),
    "judge_shadow": N_("Shadow difference judged"),
    "undo_shadow": N_("Judgement of a shadow difference taken back"),
}
SUBJECT_KINDS: Final[dict[str, str]] = {
    "suspect": N_("Suspected label"),
    "data_set": N_("Data set"),
    "shadow_difference": N_("Shadow difference"),
}
FIELDS: Final[dict[str, str]] = {
    "suspect_event": N_("Act no."),
    "shadow_judgement": N_("Act no."),
    "set_name": N_("Data set"),
    "data_sha256": N_("Content of the data set"),
}
