"""Short words for chance."""

from __future__ import annotations

from collections.abc import Sequence

from training.synthetic.textures import Rng


def chance(rng: Rng, share: float) -> bool:
    """True in ``share`` of the calls."""
    return bool(rng.random() < share)


def between(rng: Rng, low: float, high: float) -> float:
    """A number between both."""
    return float(rng.uniform(low, high))


def one_of(rng: Rng, names: Sequence[str]) -> str:
    """One of several names, each as likely."""
    return names[int(rng.integers(len(names)))]


def numbered(rng: Rng, name: str, count: int) -> str:
    """One of the surfaces ``name0`` to ``name<count - 1>``."""
    return f"{name}{int(rng.integers(count))}"
