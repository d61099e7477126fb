"""The page on which whoever arbitrates gives people their shares of the queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from serving.accounts.roles import Permission, roles_with
from serving.accounts.users import Person
from serving.api.assignment_views import view_assignments
from serving.deps import SessionDep, need
from serving.review.assignments import list_deciders, list_open
from serving.review.claims import list_holders
from serving.web.queue_choices import list_choices
from serving.web.queue_query import QueueQuery
from serving.web.rendering import render, words_for
from serving.web.review_pages import class_names

router = APIRouter(include_in_schema=False)

Arbiter = Annotated[Person, Depends(need(Permission.ARBITRATE))]


@router.get("/review/assignments")
def show_assignments(request: Request, person: Arbiter, session: SessionDep) -> Response:
    """Show who was given what, what is left of it, and the form to give more."""
    context = {
        "section": "review",
        "assignments": view_assignments(session, list_open(session)),
        "people": list_deciders(session, roles_with(Permission.DECIDE)),
        "holders": list_holders(session),
        "choices": list_choices(session, QueueQuery()),
        "class_names": class_names(words_for(request)),
    }
    return render(request, "review_assignments.html", person=person, context=context)
