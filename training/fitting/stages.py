"""One configuration to a trained run: its stages in order, from wherever an earlier try stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from detection.domain.errors import ConfigurationError
from training.fitting.launch import TrainerKilledError, prepare_run, run_trainer
from training.fitting.plots import draw_run
from training.fitting.progress import Display, ProgressReader
from training.fitting.run_folder import (
    check_unused,
    hold_run,
    read_half_prepared,
    remove_half_prepared,
)
from training.record import read_record, write_record
from training.settings import REPOSITORY_DIR, TrainingSettings

_NOT_OF_DATA = {"started_from", "optimisation", "augmentation"}
BEST = Path("fit") / "weights" / "best.pt"


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage: its folder is a run of its own; that of the last is the run's folder itself."""

    settings: TrainingSettings
    folder: Path
    name: str
    start: Path | None


def plan_stages(settings: TrainingSettings, run_dir: Path) -> Iterator[StageRun]:
    """Yield the stages in order; each but the first starts from the best weights before it."""
    runs = settings.split_into_stages()
    names = [stage.name for stage in settings.stages] or [""]
    start: Path | None = None
    for index, (stage, name) in enumerate(zip(runs, names, strict=True)):
        last = index == len(runs) - 1
        folder = run_dir if last else run_dir / f"stage-{index + 1}-{name}"
        if start is not None:
            told = {"started_from": _tell_place(start, run_dir)}
            yield StageRun(stage.model_copy(update=told), folder, name, start)
        else:
            yield StageRun(stage, folder, name, None)
        start = folder / BEST


def _tell_place(weights: Path, run_dir: Path) -> str:
    """Return the path that the card shows: below the repository, or below the run."""
    if weights.is_relative_to(REPOSITORY_DIR):
        return weights.relative_to(REPOSITORY_DIR).as_posix()
    return weights.relative_to(run_dir.parent).as_posix()


def train_run(
    settings: TrainingSettings,
    find_shared: Callable[[], Path],
    run_dir: Path,
    display: Display,
) -> None:
    """Train all stages of a configuration in a run folder, or go on where an earlier try stopped.

    Raises:
        ConfigurationError: the folder holds another run, a finished one, or is in use.
        ModelError: the trainer failed or was killed.
    """
    with hold_run(run_dir) as lock:
        check_same(settings, run_dir)
        stages = list(plan_stages(settings, run_dir))
        if len(stages) > 1 and not (run_dir / "run.json").is_file():
            check_unused(run_dir)
            _write_plan(settings, stages, run_dir)
        for number, stage in enumerate(stages, start=1):
            state = _read_state(stage.folder)
            if state == "trained":
                continue
            if len(stages) > 1:
                display.keep(f"Stage {number} of {len(stages)}: {stage.name}")
            if state is None:
                _prepare_stage(settings, stages, stage, find_shared())
            fit_run(stage.folder, display, lock)


def _prepare_stage(
    settings: TrainingSettings, stages: list[StageRun], stage: StageRun, shared_dir: Path
) -> None:
    """Prepare a stage; where already the first cannot be, nothing of the run is left."""
    try:
        extra = _describe_plan(settings, stages, stage)
        prepare_run(
            stage.settings,
            shared_dir,
            stage.folder,
            start=stage.start,
            data_of=_find_same_data(stages, stage),
            extra=extra,
        )
    except BaseException:
        if len(stages) > 1 and stage is stages[0]:
            (stages[-1].folder / "run.json").unlink()
        raise


def _find_same_data(stages: list[StageRun], stage: StageRun) -> Path | None:
    """Return the folder of an earlier stage whose data this one can take as they are."""
    wanted = stage.settings.model_dump(exclude=_NOT_OF_DATA)
    for earlier in stages[: stages.index(stage)]:
        if earlier.settings.model_dump(exclude=_NOT_OF_DATA) == wanted:
            return earlier.folder
    return None


def _describe_plan(
    settings: TrainingSettings, stages: list[StageRun], stage: StageRun
) -> dict[str, object]:
    """Return what the record of a stage says of the whole."""
    if len(stages) == 1:
        return {}
    if stage is not stages[-1]:
        return {"run": f"{stages[-1].folder.name}/{stage.folder.name}"}
    return _plan(settings, stages)


def _plan(settings: TrainingSettings, stages: list[StageRun]) -> dict[str, object]:
    return {
        "plan": settings.model_dump(mode="json"),
        "stages": [stage.folder.name for stage in stages[:-1]],
    }


def _write_plan(settings: TrainingSettings, stages: list[StageRun], run_dir: Path) -> None:
    """Write the record of a run whose earlier stages are trained first."""
    record = {
        "run": run_dir.name,
        "name": settings.name,
        "config": stages[-1].settings.model_dump(mode="json"),
        "state": "preparing",
        "prepared_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_record(run_dir, record | _plan(settings, stages))


def _read_state(folder: Path) -> str | None:
    """Return the recorded state of a stage; None where it has yet to be prepared."""
    remove_half_prepared(folder)
    if not (folder / "run.json").is_file():
        return None
    state = str(read_record(folder)["state"])
    return None if state == "preparing" else state


def fit_run(run_dir: Path, display: Display, lock: int) -> None:
    """Train a prepared run, or go on with one that was interrupted, and draw its curves.

    Raises:
        ModelError: the trainer failed or was killed; the record says so.
    """
    reader = ProgressReader(run_dir, display)
    try:
        run_trainer(run_dir, "fit", watch=reader.poll, kept_open=(lock,))
    except BaseException as error:
        _record_end(run_dir, error)
        raise
    draw_run(run_dir)


def _record_end(run_dir: Path, error: BaseException) -> None:
    """Write why the trainer ended; a user's interrupt and a kill leave a run to go on with."""
    record = read_record(run_dir)
    stopped = isinstance(error, (TrainerKilledError, KeyboardInterrupt))
    state = "interrupted" if stopped else "failed"
    if record["state"] != "trained":
        write_record(run_dir, record | {"state": state, "error": _first_line(error)})


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def check_same(settings: TrainingSettings, run_dir: Path) -> None:
    """Refuse a folder that holds a run of another configuration, or one that is done.

    Raises:
        ConfigurationError: says which.
    """
    if not (run_dir / "run.json").is_file():
        return
    record = read_record(run_dir)
    if record.get("state") == "trained":
        message = f"The run {run_dir} is trained already."
        raise ConfigurationError(message, remedy="Give another --run.")
    if read_plan(run_dir) != settings:
        message = f"The run folder {run_dir} holds a run of another configuration."
        raise ConfigurationError(
            message, remedy="Give another --run, or go on with it by --resume."
        )


def read_plan(run_dir: Path) -> TrainingSettings:
    """Return the configuration that a run folder was made from, half-made ones too.

    Raises:
        ConfigurationError: the folder is not a run, or its configuration is refused today.
    """
    half = None if (run_dir / "run.json").is_file() else read_half_prepared(run_dir)
    record = half if half is not None else read_record(run_dir)
    try:
        return TrainingSettings.model_validate(record.get("plan") or record.get("config") or record)
    except ValidationError as error:
        message = f"The configuration of {run_dir} is refused today: {error}."
        raise ConfigurationError(message, remedy="Give a new configuration and --run.") from error
