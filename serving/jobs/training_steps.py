"""What the training lane works with: an assignment, the commands that it takes, what they leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from serving.db.tables import TrainingOrderRow
from serving.jobs.context import WorkerContext
from serving.settings import ServingSettings


@dataclass(frozen=True, slots=True)
class Assignment:
    """An order as the commands are made from it; ``folder`` is its own and outlives crashes."""

    order_id: int
    subject: str
    parameters: Mapping[str, object]
    reason: str
    username: str
    folder: Path
    settings: ServingSettings


@dataclass(frozen=True, slots=True)
class Step:
    """One command of ours, ``hazardlens ARGUMENTS``.

    ``needs_training`` has it run by the Python that can train, without the service's secrets.
    ``leaves`` is the file that shows that it was done: a step whose file is there is not done
    again. ``told_in`` is where the command itself says how far it is.
    """

    name: str
    arguments: Sequence[str]
    needs_training: bool = False
    leaves: Path | None = None
    told_in: Path | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """How far a command is, as it says itself."""

    stage: str
    done: int
    total: int
    seconds_left: float | None


Result = dict[str, object]
PlanSteps = Callable[[Assignment], Sequence[Step]]
TakeIn = Callable[[WorkerContext, TrainingOrderRow, Path], Result]


@dataclass(frozen=True, slots=True)
class OrderKind:
    """What a kind of order does: its commands, then what is taken in of what they left.

    ``take_in`` may run twice, where the process ended right after it.
    """

    plan: PlanSteps
    take_in: TakeIn
    lane: str = field(default="training")
