"""Who acts in review."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who acts, as it is written into the event.

    ``may_arbitrate``: is never asked blindly, and settles where two people disagree.
    """

    user_id: int
    username: str
    role: str
    may_undo_others: bool
    may_arbitrate: bool = False
