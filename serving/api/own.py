"""What belongs to the person alone: their keys, and the stack of what they can take back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.accounts.preferences import CHORD, load_keys, save_keys
from serving.api.problems import describe_problems
from serving.api.schemas import Answer
from serving.deps import Decider, SessionDep
from serving.review.standing_acts import StandingAct, list_standing_acts

router = APIRouter(tags=["accounts"])

MAX_ACTS = 100
MAX_KEYS = 8

ActName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z]{0,39}$")]
Chord = Annotated[str, StringConstraints(pattern=f"^{CHORD.pattern}$")]


class KeysBody(BaseModel):
    """Which keys do what, of the acts whose keys were changed."""

    model_config = ConfigDict(extra="forbid")

    keys: dict[ActName, Annotated[list[Chord], Field(min_length=1, max_length=MAX_KEYS)]] = Field(
        max_length=MAX_ACTS,
        description='act -> keys by their place (``KeyboardEvent.code``): "KeyC", "Shift+KeyC"',
    )


class StandingItem(Answer):
    """An act that can be taken back by a POST to ``undo_path`` (below /api/v1)."""

    kind: str
    id: int
    candidate_ids: list[int]
    verdict: str | None
    state_before: str | None
    made_at: str
    undo_path: str


class StandingPage(Answer):
    """What the person did and can take back, latest first."""

    items: list[StandingItem]


@router.get("/me/keys", responses=describe_problems())
def read_keys(person: Decider, session: SessionDep) -> KeysBody:
    """Return the keys that this person changed."""
    return KeysBody(keys=load_keys(session, person.user_id))


@router.put("/me/keys", responses=describe_problems(409))
def change_keys(body: KeysBody, person: Decider, session: SessionDep) -> KeysBody:
    """Store the keys that this person changed, in the place of those before; {} resets all."""
    save_keys(session, person.user_id, body.keys)
    return body


@router.get("/me/acts", responses=describe_problems())
def read_acts(
    person: Decider, session: SessionDep, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> StandingPage:
    """List what this person did and can take back now, latest first, over all kinds of acts."""
    acts = list_standing_acts(session, person.user_id, limit)
    return StandingPage(items=[_view(act) for act in acts])


def _view(act: StandingAct) -> StandingItem:
    return StandingItem(
        kind=act.kind,
        id=act.act_id,
        candidate_ids=list(act.candidate_ids),
        verdict=act.verdict,
        state_before=act.state_before,
        made_at=act.made_at.isoformat(),
        undo_path=act.undo_path,
    )
