"""Statistics of people: everybody's own, and all for those who may see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from serving.accounts.errors import ForbiddenError
from serving.accounts.roles import Permission, is_allowed
from serving.deps import PersonDep, SessionDep
from serving.flights.origins import tally_origins
from serving.review.blind.statistics import PersonFigures, TeamFigures, measure_person, measure_team
from serving.review.rules import load_rules
from serving.web.labels import VERDICTS
from serving.web.rendering import Words, render, words_for
from serving.web.statistics_charts import DayChart, draw_agreement, draw_days, draw_share

router = APIRouter(include_in_schema=False)

PERIODS = (7, 30, 90)
DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person with what is drawn of them; ``verdicts`` are (word, count)."""

    figures: PersonFigures
    days: DayChart
    verdicts: list[tuple[str, int]]

    @property
    def decided(self) -> int:
        """How many verdicts the person gave."""
        return sum(self.figures.load.verdicts.values())


@router.get("/statistics")
def show_statistics(
    request: Request,
    person: PersonDep,
    session: SessionDep,
    days: Annotated[int, Query(ge=1, le=366)] = DEFAULT_DAYS,
) -> Response:
    """Show the person's own figures, and everybody's to those who may see them.

    Raises:
        ForbiddenError: the person neither decides nor may see statistics.
    """
    decides = is_allowed(person.role, Permission.DECIDE)
    sees_all = is_allowed(person.role, Permission.SEE_STATISTICS)
    if not (decides or sees_all):
        raise ForbiddenError
    words = words_for(request)
    team = measure_team(session, days) if sees_all else None
    own = measure_person(session, person.user_id, person.username, days) if decides else None
    context = {
        "section": "statistics",
        "days": days,
        "periods": PERIODS,
        "own": _view(own, days, words) if own else None,
        "team": team,
        "people": _people(team, days, words),
        "rules": load_rules().second_review,
        "origins": tally_origins(session, days),
        "draw_share": draw_share,
        "draw_agreement": draw_agreement,
    }
    return render(request, "statistics.html", person=person, context=context)


def _people(team: TeamFigures | None, days: int, words: Words) -> list[PersonView]:
    """Return everybody, the bars of all drawn to one scale."""
    if team is None:
        return []
    top = max((max(each.load.per_day.values(), default=0) for each in team.people), default=0)
    return [_view(each, days, words, top) for each in team.people]


def _view(figures: PersonFigures, days: int, words: Words, top: int = 0) -> PersonView:
    said = figures.load.verdicts
    verdicts = [(words.label(VERDICTS, code), said.get(code, 0)) for code in VERDICTS]
    return PersonView(figures, draw_days(figures.load.per_day, days, top=top), verdicts)
