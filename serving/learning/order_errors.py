"""What can go wrong with orders for the training lane, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class TrainingOrderNotFoundError(HazardLensError):
    """There is no such order."""

    code = "training_order_not_found"

    def __init__(self, order_id: int) -> None:
        """Name the order."""
        super().__init__(
            f"There is no training order {order_id}.", remedy="See the list under Training."
        )


class TrainingRunningError(HazardLensError):
    """The same thing is ordered already and not over."""

    code = "training_running"

    def __init__(self, order_id: int) -> None:
        """Name the other order."""
        super().__init__(
            f"Order {order_id} for the same is not over yet.",
            remedy="Wait for it, or cancel it, then order again.",
        )


class TrainingOrderOverError(HazardLensError):
    """The order has ended, so that there is nothing to cancel."""

    code = "training_order_over"

    def __init__(self, state: str) -> None:
        """Name how it ended."""
        super().__init__(f"The order is {state}; there is nothing to cancel.", remedy="Order anew.")


class TrainingNotResumableError(HazardLensError):
    """Only what failed or was cancelled can be gone on with."""

    code = "training_not_resumable"

    def __init__(self, state: str) -> None:
        """Name the state."""
        super().__init__(
            f"The order is {state}; there is nothing to go on with.",
            remedy="Go on with an order that failed or was cancelled, or order a new one.",
        )


class TrainingUnknownModelError(HazardLensError):
    """No model, or no version of it, is called that."""

    code = "training_unknown_model"

    def __init__(self, name: str) -> None:
        """Name what was asked for."""
        super().__init__(
            f"There is no model {name}.", remedy="Choose one of those listed under Models."
        )


class TrainingNothingToDoError(HazardLensError):
    """The model has that status already, or no candidate in the queue is of an older model."""

    code = "training_nothing_to_do"

    def __init__(self, why: str) -> None:
        """Say why nothing has to be done."""
        super().__init__(why, remedy="Nothing to do.")


class TrainingReportNotFoundError(HazardLensError):
    """An order that left no such file."""

    code = "training_report_not_found"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This order left no such file.",
            remedy="See its log; only a training that ended has one.",
        )


class TrainingBrokeOffError(HazardLensError):
    """A command was ended again and again before it was done."""

    code = "training_broke_off"

    def __init__(self, attempts: int) -> None:
        """Say how often it was tried."""
        super().__init__(
            f"The command was ended {attempts} times before it was done.",
            remedy="See the end of its log; most often memory is short. Then go on with it.",
        )


class TrainingCommandFailedError(HazardLensError):
    """A command ended with an error; its own last words are the message."""

    code = "training_command_failed"


class TrainingNotInstalledError(HazardLensError):
    """The interpreter that is to train has no trainer."""

    code = "training_not_installed"
    exit_code = 5

    def __init__(self, python: str) -> None:
        """Name the interpreter."""
        super().__init__(
            f"The Python of this worker ({python}) has no torch and ultralytics.",
            remedy="Run `make training-worker`, or name one with HAZARDLENS_TRAINING_PYTHON.",
        )
