"""What somebody wants chosen, as it is asked for and as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from detection.selection import SelectionSettings


@dataclass(frozen=True, slots=True)
class SelectionWish:
    """A budget of photos and from what to choose them; no classes or flights means all of them.

    ``days``: only flights of so many days. ``empty_share`` of the budget goes to photos in which
    the models found nothing, for only they show what the models miss.
    """

    budget: int
    hazard_classes: tuple[str, ...] = ()
    flight_ids: tuple[int, ...] = ()
    days: int | None = None
    empty_share: float = 0.1
    weights: SelectionSettings = field(default_factory=SelectionSettings)


def settings_from_wish(wish: SelectionWish) -> dict[str, object]:
    """Return a wish as it is stored beside its budget: plain values."""
    return {
        "hazard_classes": list(wish.hazard_classes),
        "flight_ids": list(wish.flight_ids),
        "days": wish.days,
        "empty_share": wish.empty_share,
        "weights": asdict(wish.weights),
    }


def wish_from_settings(budget: int, stored: Mapping[str, Any]) -> SelectionWish:
    """Return a wish as it was stored."""
    return SelectionWish(
        budget=budget,
        hazard_classes=tuple(stored["hazard_classes"]),
        flight_ids=tuple(stored["flight_ids"]),
        days=stored["days"],
        empty_share=stored["empty_share"],
        weights=SelectionSettings(**stored["weights"]),
    )
