"""The page of shadow models: agreement by flight, and differences judged without knowing whose.

Which model said what is told only after the judgement: who knows that a box is the new model's
judges the model, not the box. Reviewers do not come here, because what a shadow model says must
not reach the queue that the model in force is measured by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.schemas import MAX_ID
from serving.db.tables import FlightRow, PhotoRow, ShadowDifferenceRow
from serving.deps import ModelReader, ServicesDep, SessionDep
from serving.learning.shadow_judgements import OPEN, Judgement, find_standing
from serving.learning.shadow_tally import (
    ShadowModel,
    get_difference,
    list_flights,
    list_open,
    list_shadow_models,
)
from serving.learning.shadow_windows import choose_window_of
from serving.web import learning_labels_judging as words_of
from serving.web.i18n import N_
from serving.web.picture_boxes import Picture, Tone, draw_box, make_picture
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

LISTED = 40
LOT_STEPS = 1 << 20
TONES: Final[tuple[Tone, Tone]] = ("label", "model")
OWNERS: Final[dict[str, str]] = {"shadow": N_("shadow model"), "current": N_("model in force")}
DifferenceNumber = Annotated[int, Path(ge=1, le=MAX_ID)]


class ShadowQuery(BaseModel):
    """Which shadow model and flight the page shows, as its address says."""

    model: str = Field(default="", max_length=100)
    flight: int | None = Field(default=None, ge=1, le=MAX_ID)
    id: int | None = Field(default=None, ge=1, le=MAX_ID)


QueryDep = Annotated[ShadowQuery, Query()]


@dataclass(frozen=True, slots=True)
class BoxView:
    """One of the boxes in question, as the page names it before and after the judgement."""

    letter: str
    tone: Tone
    hazard_class: str
    score: float
    owner: str


@dataclass(frozen=True, slots=True)
class JudgeButton:
    """One judgement, and the key that gives it."""

    judgement: str
    title: str
    key: str


@router.get("/shadow")
def show_shadow(
    request: Request,
    person: ModelReader,
    services: ServicesDep,
    session: SessionDep,
    query: QueryDep,
) -> Response:
    """Show how a shadow model and the one in force agree, and the differences to be judged."""
    words = words_for(request)
    models = list_shadow_models(session)
    chosen = next((m for m in models if _name(m) == query.model), next(iter(models), None))
    context: dict[str, object] = {
        "section": "models",
        "learning_section": "/shadow",
        "shadow_runs": services.settings.shadow,
        "models": [(_name(model), model) for model in models],
        "query": query,
        "model": chosen,
    }
    if chosen is not None:
        context |= _load_model(session, person, words, chosen, query)
    return render(request, "shadow.html", person=person, context=context)


@router.get("/shadow/differences/{difference_id}/panel")
def show_difference_panel(
    request: Request, person: ModelReader, session: SessionDep, difference_id: DifferenceNumber
) -> Response:
    """Return one difference; judged, with whose boxes they are."""
    difference = get_difference(session, difference_id)
    context = _case(session, person, words_for(request), difference)
    return render(request, "shadow_panel.html", person=person, context=context)


def _load_model(
    session: Session, person: Person, words: Words, model: ShadowModel, query: ShadowQuery
) -> dict[str, object]:
    found = list_open(session, model.name, model.version, flight_id=query.flight, limit=LISTED)
    ids = [row.id for row in found]
    chosen = found[ids.index(query.id)] if query.id in ids else next(iter(found), None)
    case = _case(session, person, words, chosen) if chosen else {}
    return case | {
        "model_name": _name(model),
        "verdict": words.label(words_of.TALLY_VERDICTS, model.tally.verdict),
        "judged": [
            (words.label(words_of.JUDGEMENTS, each.value), model.tally.counts[each])
            for each in Judgement
        ],
        "flights": list_flights(session, model.name, model.version),
        "differences": found,
        "chosen": chosen,
    }


def _case(
    session: Session, person: Person, words: Words, row: ShadowDifferenceRow
) -> dict[str, object]:
    photo = session.get_one(PhotoRow, row.photo_id)
    flight = session.get_one(FlightRow, row.flight_id)
    standing = find_standing(session, row.id) if row.state != OPEN else None
    may_judge = is_allowed(person.role, Permission.MANAGE_MODELS)
    may_undo = standing is not None and (
        (may_judge and standing.user_id == person.user_id) or person.role is Role.ADMIN
    )
    return {
        "difference": row,
        "photo_name": photo.name,
        "flight_name": flight.name,
        "boxes": _name_boxes(row, words),
        "picture": _draw(row, photo),
        "buttons": _list_buttons(row, words) if may_judge and row.state == OPEN else [],
        "standing": standing,
        "state_name": words.label(words_of.JUDGEMENTS, row.state),
        "undo_id": standing.id if standing is not None and may_undo else None,
    }


def _order_sides(row: ShadowDifferenceRow) -> list[tuple[str, dict[str, object]]]:
    """Return the boxes with whose they are, in an order that says nothing of it."""
    sides = [("shadow", row.shadow), ("current", row.current)]
    if int(row.lot * LOT_STEPS) % 2:
        sides.reverse()
    return [(owner, shape) for owner, shape in sides if shape is not None]


def _name_boxes(row: ShadowDifferenceRow, words: Words) -> list[BoxView]:
    return [
        BoxView(
            letter,
            tone,
            words.class_name(str(shape["hazard_class"])),
            float(str(shape["score"])),
            words.translate(OWNERS[owner]),
        )
        for letter, tone, (owner, shape) in zip("AB", TONES, _order_sides(row), strict=False)
    ]


def _draw(row: ShadowDifferenceRow, photo: PhotoRow) -> Picture:
    pairs = zip(TONES, _order_sides(row), strict=False)
    boxes = [draw_box(tone, shape) for tone, (_, shape) in pairs]
    url = f"/api/v1/shadow/differences/{row.id}/cut.jpg"
    return make_picture(url, choose_window_of(row, photo), boxes)


def _list_buttons(row: ShadowDifferenceRow, words: Words) -> list[JudgeButton]:
    sides = _order_sides(row)
    if len(sides) == 1:
        owner, shape = sides[0]
        name = words.class_name(str(shape["hazard_class"]))
        other = "current" if owner == "shadow" else "shadow"
        titles = [
            (owner, words.translate(N_("Right: {name}"), name=name)),
            (other, words.translate(N_("No such thing there"))),
            ("neither", words.translate(N_("Something is there, but box or class is wrong"))),
        ]
    else:
        titles = [
            *(
                (owner, words.translate(N_("{letter} is right: {name}"), letter=letter, name=name))
                for letter, owner, name in (
                    (letter, owner, words.class_name(str(shape["hazard_class"])))
                    for letter, (owner, shape) in zip("AB", sides, strict=True)
                )
            ),
            ("neither", words.translate(N_("Both wrong"))),
        ]
    titles.append(("unsure", words.translate(N_("Not certain"))))
    return [
        JudgeButton(judgement, title, str(key))
        for key, (judgement, title) in enumerate(titles, start=1)
    ]


def _name(model: ShadowModel) -> str:
    return f"{model.name}@{model.version}"
