"""Words for Label Studio: projects, orders, and what can go wrong with drawings."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

GEOMETRIES: Final[dict[str, str]] = {
    "boxes": N_("Covers and storeys (boxes)"),
    "outlines": N_("Cracks (outlines)"),
}
PUSH_STATES: Final[dict[str, str]] = {
    "queued": N_("Waits to be sent"),
    "done": N_("Sent"),
    "failed": N_("Not sent yet"),
}
_NEW_TOKEN = N_(
    "Make a new token in Label Studio (Account & Settings, Personal Access Token) and put it into"
    " HAZARDLENS_LABEL_STUDIO_TOKEN."
)
_DRAW_AGAIN = N_("Correct the drawing in Label Studio and submit it again.")
_SET_UP = N_("Set the projects up again.")
PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "label_studio_not_set": (
        N_("Label Studio is not set up yet."),
        N_(
            "Give HAZARDLENS_LABEL_STUDIO_URL, _TOKEN and _PUBLIC_URL, start the service again, and"
            " set the projects up."
        ),
    ),
    "label_studio_unreachable": (
        N_("Label Studio does not answer."),
        N_(
            "Start it (make label-studio) or correct HAZARDLENS_LABEL_STUDIO_URL. What waits is"
            " kept."
        ),
    ),
    "label_studio_token_wrong": (
        N_("Label Studio does not accept the access token."),
        _NEW_TOKEN,
    ),
    "label_studio_token_revoked": (
        N_("The access token was revoked in Label Studio or has ended."),
        _NEW_TOKEN,
    ),
    "label_studio_refused": (
        N_("Label Studio refused a request."),
        N_("See the log of the worker and that of Label Studio."),
    ),
    "label_project_gone": (
        N_("A project of ours is not in Label Studio any more."),
        N_("Set the projects up again; what was drawn and taken in before stays."),
    ),
    "label_webhook_not_allowed": (
        N_("Label Studio refuses to call this service."),
        N_(
            "Drawings come in with the next look instead of at once. For an address within the own"
            " network start Label Studio with SSRF_PROTECTION_ENABLED=false."
        ),
    ),
    "label_webhook_refused": (N_("This is no address of a webhook of ours."), _SET_UP),
    "label_webhook_project": (
        N_("An event of Label Studio is of a project that is not ours."),
        N_("Remove the webhook from that project."),
    ),
    "label_webhook_payload": (N_("An event of Label Studio cannot be read."), _SET_UP),
    "label_link_invalid": (
        N_("This address of a picture is not valid."),
        N_("Open the task in Label Studio anew."),
    ),
    "label_link_expired": (
        N_("This address of a picture has expired."),
        N_("Have Label Studio looked at: that renews the addresses of open tasks."),
    ),
    "label_outside_taxonomy": (
        N_("A label is none of the classes of the project; the drawing was not taken in."),
        _DRAW_AGAIN,
    ),
    "label_shape_unknown": (
        N_("A shape cannot be used here; the drawing was not taken in."),
        _DRAW_AGAIN,
    ),
    "label_outside_photo": (
        N_("A shape lies outside the photo or has no area; the drawing was not taken in."),
        _DRAW_AGAIN,
    ),
    "label_other_picture": (
        N_("The picture was turned or is of another size; the drawing was not taken in."),
        N_("Open the task anew and draw it again without turning the picture."),
    ),
    "label_photo_gone": (
        N_("The file of the photo is missing; nothing can be drawn on it."),
        N_("Restore the data folder from the backup, then send the photo again."),
    ),
    "nothing_to_push": (
        N_("No photo fits: there is nothing to send."),
        N_("Choose another flight, class or state."),
    ),
}
ACTS: Final[dict[str, str]] = {
    "set_up_labels": N_("Projects in Label Studio set up"),
    "push_labels": N_("Photos sent to be drawn on"),
    "sync_labels": N_("Label Studio looked at"),
}
SUBJECT_KINDS: Final[dict[str, str]] = {
    "label_project": N_("Project in Label Studio"),
    "label_push": N_("Photos to be drawn on"),
}
FIELDS: Final[dict[str, str]] = {
    "project": N_("Project"),
    "webhook": N_("Webhook"),
    "new": N_("New"),
}
