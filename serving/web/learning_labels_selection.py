"""Words for choices of what to label next, and for drift: codes as messages of the catalogue."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

PARTS: Final[dict[str, str]] = {
    "uncertainty": N_("Uncertain"),
    "diversity": N_("Unlike the labelled"),
    "rarity": N_("Rare class"),
    "disagreement": N_("Disagreement"),
    "novelty": N_("New conditions"),
}
"""The parts of a choice, in the order in which they are drawn."""

REASONS: Final[dict[str, str]] = {
    "uncertain": N_("Uncertain"),
    "unlike_labelled": N_("Unlike the labelled"),
    "rare_class": N_("Rare class"),
    "disagreement": N_("Disagreement"),
    "new_conditions": N_("New conditions"),
    "nothing_found": N_("Nothing found"),
}
SAID: Final[dict[str, str]] = {
    "dispute": N_("Two reviewers said different things of it."),
    "unsure": N_("A reviewer was unsure."),
    "taken_back": N_("A reviewer took a decision back."),
    "asked": N_("A second opinion was asked for."),
    "models": N_("The model in force and the shadow model say different things."),
}
SELECTION_STATES: Final[dict[str, str]] = {
    "queued": N_("Being chosen"),
    "done": N_("Done"),
    "failed": N_("Failed"),
}
DIMENSIONS: Final[dict[str, str]] = {
    "all": N_("All together"),
    "camera": N_("Camera"),
    "altitude": N_("Height"),
    "season": N_("Season"),
    "place": N_("Place"),
    "model": N_("Model"),
}
ALTITUDES: Final[dict[str, str]] = {
    "0-30": N_("below 30 m"),
    "30-60": N_("30 to 60 m"),
    "60-120": N_("60 to 120 m"),
    "120-": N_("120 m and above"),
    "": N_("height unknown"),
}
SEASONS: Final[dict[str, str]] = {
    "spring": N_("spring"),
    "summer": N_("summer"),
    "autumn": N_("autumn"),
    "winter": N_("winter"),
    "": N_("season unknown"),
}
UNKNOWN_VALUES: Final[dict[str, str]] = {
    "camera": N_("camera unknown"),
    "place": N_("place unknown"),
    "model": N_("model unknown"),
}
MEASURES: Final[dict[str, str]] = {
    "scores": N_("Scores"),
    "confirmed": N_("Share confirmed"),
}
DRIFT_VERDICTS: Final[dict[str, str]] = {
    "alarm": N_("More than chance"),
    "steady": N_("No change seen"),
    "cannot_tell": N_("Cannot tell"),
}
DRIFT_REASONS: Final[dict[str, str]] = {
    "too_few_flights": N_("too few flights yet"),
    "no_reference": N_("no earlier flights"),
    "no_recent": N_("no candidates of the model in force"),
    "not_reviewed": N_("not reviewed yet"),
}
WHAT_TO_DO: Final[dict[str, str]] = {
    "confirmed_fell": N_(
        "Fewer candidates are confirmed: more false alarms than before. Look at what was rejected"
        " last, then train with these decisions, or calibrate the threshold for this slice."
    ),
    "confirmed_rose": N_(
        "More candidates are confirmed: the threshold may hide hazards just below it. Label"
        " photos without candidates from this slice, and consider a lower threshold."
    ),
    "scores": N_(
        "The model is surer, or less sure, than it was. Have photos of this slice labelled and"
        " compare what people say before trusting the threshold there."
    ),
    "scores_model": N_(
        "Another version of the model spreads its scores otherwise. That is expected; check that"
        " its thresholds were chosen for it and look at the share confirmed."
    ),
}
PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "selection_not_found": (
        N_("There is no such selection."),
        N_("See the list of selections."),
    ),
    "selection_not_ready": (
        N_("The selection is not made yet; nothing can be sent."),
        N_("Wait until it is made, or order another one."),
    ),
    "nothing_to_choose": (
        N_("No photo that waits for a label fits what was asked for."),
        N_("Choose more classes, flights or days, or process new flights first."),
    ),
    "drift_alarm_not_found": (
        N_("The latest look raises no such alarm."),
        N_("Reload the page of the drift."),
    ),
}
ACTS: Final[dict[str, str]] = {
    "order_selection": N_("Selection of photos to label ordered"),
    "send_selection": N_("Selection sent to be drawn"),
    "read_drift_alarm": N_("Alarm of drift read"),
    "order_drift_check": N_("Look at the drift ordered"),
}
SUBJECT_KINDS: Final[dict[str, str]] = {
    "selection": N_("Selection of photos to label"),
    "drift_alarm": N_("Alarm of drift"),
    "drift": N_("Drift"),
}
FIELDS: Final[dict[str, str]] = {
    "budget": N_("Budget"),
    "settings": N_("Settings"),
    "sent": N_("Sent to be drawn"),
    "dimension": N_("Cut by"),
    "value": N_("Value"),
    "measure": N_("Measure"),
    "alarm_since": N_("Alarm since"),
}
