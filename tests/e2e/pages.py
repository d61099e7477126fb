"""Every page that there is, with who may see it: add a line for each new one.

What is asked of all pages (accessibility, both widths, dark mode, nothing from elsewhere) is asked
in ``test_every_page.py``. ``{flight}`` and ``{candidate}`` in a path are a seeded flight and its
first candidate, ``{compared}`` a flight that was compared with an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A page: who looks (None: nobody signed in), where, what shows that it is there.

    ``keys`` are pressed one after the other, to look at a dialog; ``ready`` is awaited after.
    """

    name: str
    who: str | None
    path: str
    ready: str = "main h1"
    keys: tuple[str, ...] = ()


PAGES = (
    PageSpec("sign_in", None, "/sign-in"),
    PageSpec("not_allowed", "olga", "/review"),
    PageSpec("flights", "olga", "/flights"),
    PageSpec("flight_new", "olga", "/flights/new"),
    PageSpec("flight_field", "olga", "/flights/field"),
    PageSpec("flight", "rena", "/flights/{flight}"),
    PageSpec("receipt", "olga", "/flights/{flight}/receipt"),
    PageSpec("review_list", "rena", "/review"),
    PageSpec("assignments", "admin", "/review/assignments"),
    PageSpec("candidate", "rena", "/review/{candidate}", "#viewer.has-pixels"),
    PageSpec("keys_dialog", "rena", "/review/{candidate}", "#help-dialog[open]", ("?",)),
    PageSpec("similar_dialog", "rena", "/review/{candidate}", "#similar-dialog[open]", ("r",)),
    PageSpec("duplicate_dialog", "rena", "/review/{candidate}", "#duplicate-dialog[open]", ("d",)),
    PageSpec("class_dialog", "rena", "/review/{candidate}", "#class-dialog[open]", ("t",)),
    PageSpec("opinion_dialog", "rena", "/review/{candidate}", "#opinion-dialog[open]", ("o",)),
    PageSpec("guide_dialog", "rena", "/review/{candidate}", "#guide-dialog[open]", ("i",)),
    PageSpec("box_editor", "rena", "/review/{candidate}", ".box-frame", ("e",)),
    PageSpec("flight_compared", "olga", "/flights/{compared}", "#change .figures-change"),
    PageSpec("flight_change", "rena", "/flights/{compared}/change", "#change-map path, canvas"),
    PageSpec("flight_compare", "olga", "/flights/{flight}/compare"),
    PageSpec("calibration", "olga", "/flights/{flight}/calibration", ".label-crop"),
    PageSpec("assignments", "arvo", "/review/assignments"),
    PageSpec("disputes", "arvo", "/disputes"),
    PageSpec("statistics", "rena", "/statistics"),
    PageSpec("statistics_of_all", "arvo", "/statistics"),
    PageSpec("hazards", "rena", "/hazards"),
    PageSpec("layers", "enno", "/layers"),
    PageSpec("audit", "auda", "/audit", ".audit-number"),
    PageSpec("models", "auda", "/models"),
    PageSpec("model_version", "enno", "/models/{model}/{version}"),
    PageSpec("training", "enno", "/training"),
    PageSpec("training_order", "enno", "/training/{order}", ".report-verdict"),
    PageSpec("labelling", "enno", "/labelling", ".label-problems"),
    PageSpec("selection", "enno", "/selection"),
    PageSpec("selection_picks", "enno", "/selection/{selection}", ".pick"),
    PageSpec("drift", "enno", "/drift", ".alarm"),
    PageSpec("suspects", "enno", "/suspects", ".judging-body"),
    PageSpec("shadow", "enno", "/shadow", ".judging-body"),
)
