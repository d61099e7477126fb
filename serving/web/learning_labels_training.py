"""Words for models, trainings and what is ordered of the training lane."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

ORDER_KINDS: Final[dict[str, str]] = {
    "estimate": N_("Estimate"),
    "retrain": N_("Training"),
    "promote": N_("Promotion"),
    "rollback": N_("Roll-back"),
    "rescore": N_("Open queue looked at anew"),
    "label_errors": N_("Search for wrong labels"),
}
ORDER_STATES: Final[dict[str, str]] = {
    "queued": N_("Waits for its turn"),
    "running": N_("Running"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}
STATUSES: Final[dict[str, str]] = {
    "active": N_("In force"),
    "shadow": N_("Shadow"),
    "candidate": N_("Candidate to be promoted"),
    "retired": N_("Retired"),
}
STAGES: Final[dict[str, str]] = {
    "export": N_("Exporting the decisions"),
    "estimate": N_("Estimating"),
    "retrain": N_("Training is being prepared"),
    "build": N_("Building the data version"),
    "start": N_("Making the model ready to learn on"),
    "train": N_("Training"),
    "evaluate": N_("Measuring, choosing thresholds, gate"),
    "compare": N_("Comparing with the model in force"),
    "report": N_("Writing the report"),
    "promote": N_("Going through the gate"),
    "rollback": N_("Bringing the version back"),
    "label_errors": N_("Looking for wrong labels"),
}
PIPELINE: Final = ("export", "build", "start", "train", "evaluate", "compare", "report")
"""The steps of a training as a page lists them, in this order."""

VERDICTS: Final[dict[str, str]] = {
    "better": N_("Better"),
    "worse": N_("Worse"),
    "cannot_tell": N_("Cannot tell"),
}
FACETS: Final[dict[str, str]] = {
    "camera": N_("Camera"),
    "gsd": N_("Size of a pixel on the ground"),
    "kind": N_("Kind of flight"),
    "view": N_("View"),
    "flight": N_("Flight"),
}
LOSSES: Final[dict[str, str]] = {
    "box_loss": N_("place of boxes"),
    "cls_loss": N_("class"),
    "dfl_loss": N_("edges of boxes"),
    "seg_loss": N_("outlines"),
    "sem_loss": N_("surfaces"),
    "l1_loss": N_("sides of boxes"),
}
MEASURES: Final[dict[str, str]] = {
    "map50": N_("AP50 of boxes"),
    "map50_95": N_("AP50-95 of boxes"),
    "mask_map50": N_("AP50 of outlines"),
    "mask_map50_95": N_("AP50-95 of outlines"),
    "precision": N_("Precision"),
    "recall": N_("Recall"),
}
SIDES: Final[dict[str, str]] = {
    "train": N_("to learn from"),
    "val": N_("to choose by"),
    "test": N_("held out"),
}
# Why decisions were not learned from.
LEFT_OUT: Final[dict[str, str]] = {
    "other_class": N_("Decisions on classes that this model does not learn"),
    "without_outline": N_("Boxes without an outline, which this model needs"),
    "may_be_a_whole_cover": N_("Rejected covers that may be whole ones"),
    "not_reviewed": N_("Things that nobody decided on, greyed"),
    "pending": N_("Candidates not yet decided, greyed"),
    "unsure": N_("Candidates decided as unsure, greyed"),
    "duplicate": N_("Duplicates, greyed"),
    "disputed": N_("Candidates that people disagree about, greyed"),
    "drawn_disagree": N_("Drawings that people disagree about, greyed"),
    "looks_like_held_out": N_("Pictures that look like ones held out"),
    "trained_on_and_tied_to_held_out": N_(
        "Pictures trained on before, now tied to held-out places"
    ),
    "chosen_on_and_tied_to_test": N_(
        "Pictures that thresholds were chosen on, now tied to places of the test"
    ),
}
CHANGE_ACTIONS: Final[dict[str, str]] = {
    "promote": N_("Promotion"),
    "rollback": N_("Roll-back"),
}
SIGNATURES: Final[dict[str, str]] = {
    "valid": N_("signed"),
    "unsigned": N_("not signed"),
}
PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "training_order_not_found": (
        N_("There is no such order."),
        N_("See the list under Training."),
    ),
    "training_running": (
        N_("The same is ordered already and not over."),
        N_("Wait for it, or cancel it, then order again."),
    ),
    "training_order_over": (N_("The order has ended."), N_("Order anew.")),
    "training_not_resumable": (
        N_("There is nothing to go on with."),
        N_("Go on with an order that failed or was cancelled, or order a new one."),
    ),
    "training_unknown_model": (
        N_("There is no such model or version."),
        N_("Choose one of those listed under Models."),
    ),
    "training_nothing_to_do": (
        N_("It is like that already: nothing has to be done."),
        N_("Reload the page to see the present state."),
    ),
    "training_report_not_found": (
        N_("This order left no such file."),
        N_("See its log; only a training that ended has a report."),
    ),
    "training_broke_off": (
        N_("The command was ended again and again before it was done."),
        N_("See the end of its log; most often memory is short. Then go on with it."),
    ),
    "training_not_installed": (
        N_("The training worker has no trainer."),
        N_("Run `make training-worker`, or name a Python with HAZARDLENS_TRAINING_PYTHON."),
    ),
}
ACTS: Final[dict[str, str]] = {
    "order_training": N_("Training lane: ordered"),
    "cancel_training": N_("Training lane: order cancelled"),
    "resume_training": N_("Training lane: order gone on with"),
    "end_training": N_("Training lane: order ended"),
}
SUBJECT_KINDS: Final[dict[str, str]] = {"training_order": N_("Order of the training lane")}
FIELDS: Final[dict[str, str]] = {
    "subject": N_("What it was about"),
    "reason": N_("Reason"),
    "parameters": N_("Parameters"),
    "version": N_("Version"),
    "against": N_("Compared with version"),
    "status": N_("Status"),
    "seconds": N_("Seconds"),
    "flights": N_("Flights"),
}
