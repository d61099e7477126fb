"""Which kinds of orders there are: for each its lane, its commands, what is taken in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from serving.jobs.label_error_orders import (
    LABEL_ERRORS,
    plan_label_errors,
    take_in_suspects,
)
from serving.jobs.queue import MODELS_QUEUE, TRAINING_QUEUE
from serving.jobs.training_commands import (
    plan_estimate,
    plan_promotion,
    plan_retraining,
    plan_rollback,
    take_in_estimate,
    take_in_report,
    take_in_status,
)
from serving.jobs.training_steps import OrderKind

KINDS: Final[Mapping[str, OrderKind]] = {
    "estimate": OrderKind(plan_estimate, take_in_estimate, TRAINING_QUEUE),
    "retrain": OrderKind(plan_retraining, take_in_report, TRAINING_QUEUE),
    "promote": OrderKind(plan_promotion, take_in_status, TRAINING_QUEUE),
    "rollback": OrderKind(plan_rollback, take_in_status, MODELS_QUEUE),
    LABEL_ERRORS: OrderKind(plan_label_errors, take_in_suspects, TRAINING_QUEUE),
}
