"""The trainer's process: one prepared run folder to weights; it and its parts use ultralytics.

Started by ``training.fitting.launch`` only, which isolates its environment; never imported
elsewhere, because the library reads that environment on import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from ultralytics import YOLO
from ultralytics.data import augment
from ultralytics.utils import SETTINGS
from ultralytics.utils.loss import v8SegmentationLoss
from ultralytics.utils.torch_utils import strip_optimizer

from detection.domain.errors import ConfigurationError
from training.composed_settings import Degradation
from training.fitting.checkpoints import find_checkpoint, is_stripped
from training.fitting.curves import keep_epochs
from training.fitting.degrade import DegradePhotos
from training.fitting.environment import count_threads
from training.fitting.fit_record import (
    choose_arguments,
    describe_end,
    describe_start,
    find_prepared,
)
from training.fitting.mean_weights import average, blend_with_start
from training.fitting.progress import ProgressLog
from training.fitting.torch_export import export
from training.fitting.warm_start import rebuild
from training.record import read_record, write_record
from training.settings import TrainingSettings

_SILENT = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


def silence_library() -> None:
    """Turn analytics and experiment trackers off for this process."""
    SETTINGS.update(dict.fromkeys(_SILENT, False))


def fit(run_dir: Path) -> None:
    """Train as ``config.yaml`` says; weights go to ``best.pt``, figures to ``run.json``.

    A run that was interrupted goes on after its last whole checkpoint, up to the same epoch.
    """
    record = read_record(run_dir)
    settings = TrainingSettings.model_validate(record["config"])
    log = ProgressLog(run_dir)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    checkpoint = find_checkpoint(run_dir / "fit" / "weights")
    done = min(checkpoint.epochs_done, settings.optimisation.epochs) if checkpoint else 0
    record = describe_start(record, done, log.elapsed_s)
    record |= {"device": describe_device(device), "precision": precision}
    write_record(run_dir, record)
    if checkpoint is None:
        model = _build_model(settings.task, find_prepared(record, "start"))
    else:
        keep_epochs(run_dir, done)
        model = YOLO(str(checkpoint.path))
    if done < settings.optimisation.epochs:
        if settings.task == "segment" and settings.optimisation.overlap_mask:
            _skip_negatives_in_mask_loss()
        if precision == "bfloat16":
            model.add_callback("on_train_start", lambda state: compute_in_bfloat16(state.model))
        if settings.augmentation.degrade is not None:
            degrade_online(settings.augmentation.degrade)
        model.add_callback("on_pretrain_routine_start", partial(_use_cores, settings.workers))
        for moment, callback in log.callbacks().items():
            model.add_callback(moment, callback)
        model.train(
            **choose_arguments(run_dir, settings, find_prepared(record, "data_yaml")),
            device=device,
            resume=checkpoint is not None,
        )
    best = run_dir / "fit" / "weights" / "best.pt"
    if not is_stripped(best):  # killed after the last epoch
        strip_optimizer(best)
    if settings.optimisation.start_share:
        start = Path(find_prepared(record, "start"))
        best = blend_with_start(best.with_name("last.pt"), start, settings.optimisation.start_share)
    write_record(run_dir, record | describe_end(run_dir, best, log.elapsed_s))


def degrade_online(settings: Degradation) -> None:
    """Put our step into every chain of the library, where it looks for an optional package."""
    augment.Albumentations = partial(DegradePhotos, settings)


def _use_cores(workers: int, trainer: Any) -> None:  # noqa: ANN401  # an untyped library
    """Give the trainer loading processes and threads that exist.

    On a CPU the library drops the loading processes and takes a thread for each core of the
    machine but one. Where fewer are ours, or all are busy, convolutions wait for each other
    spinning: three times as long per step with three threads on two cores.
    """
    trainer.args.workers = workers
    torch.set_num_threads(count_threads())


def _skip_negatives_in_mask_loss() -> None:
    """Compute the loss of outlines on photos that have some.

    For each of the others the library multiplies the prototypes of the whole batch by nothing,
    which took a quarter of a step. The sum is the same.
    """
    compute = v8SegmentationLoss.calculate_segmentation_loss

    def compute_on_positives(loss: v8SegmentationLoss, *given: torch.Tensor) -> object:
        positives, outlines, truths, boxes, photo_numbers, prototypes, coefficients, size = given
        kept = positives.any(1)
        # Outlines that overlap are one sheet a photo, so all but two are per photo.
        return compute(
            loss,
            *(item[kept] for item in (positives, outlines, truths, boxes)),
            photo_numbers,
            prototypes[kept],
            coefficients[kept],
            size,
        )

    v8SegmentationLoss.calculate_segmentation_loss = compute_on_positives


def describe_device(device: str) -> str:
    """Return ``cpu``, or the name of the GPU."""
    return device if device == "cpu" else str(torch.cuda.get_device_name(int(device)))


def choose_device(wanted: str) -> str:
    """Return ``cpu`` or the number of a GPU; ``auto`` is the first GPU that torch sees.

    Raises:
        ConfigurationError: a GPU is asked for that is not there.
    """
    if wanted == "auto":
        return "0" if torch.cuda.is_available() else "cpu"
    if wanted != "cpu" and int(wanted) >= torch.cuda.device_count():
        message = f"torch sees {torch.cuda.device_count()} GPUs, so there is no GPU {wanted}."
        raise ConfigurationError(message, remedy="Set device: auto, or install torch with CUDA.")
    return wanted


def choose_precision(wanted: str, device: str) -> str:
    """Return ``float32`` or ``bfloat16``; ``auto`` is bfloat16 on a GPU alone."""
    if wanted == "auto":
        return "float32" if device == "cpu" else "bfloat16"
    return wanted


def _build_model(task: str, start: str) -> YOLO:
    """Return the network of the task; a segment head is put on the weights of a detector.

    From nothing (an architecture file) it is the one of the same size for the task.
    """
    if start.endswith(".yaml"):
        stem = Path(start).stem.removesuffix("-seg")
        return YOLO(_name_architecture(stem, task), task=task)
    model = YOLO(start)
    if model.task == task:
        return model
    size = model.model.yaml["scale"]  # of another size no weight would fit, without a word
    return YOLO(_name_architecture(f"yolo26{size}", task), task=task).load(start)


def _name_architecture(stem: str, task: str) -> str:
    return f"{stem}-seg.yaml" if task == "segment" else f"{stem}.yaml"


def compute_in_bfloat16(network: torch.nn.Module) -> None:
    """Let the network of a training run compute in bfloat16; weights and loss stay float32.

    The loss takes boxes in grid cells, up to 80: bfloat16's eight bits would round them to a
    quarter of a cell.
    """
    network.to(memory_format=torch.channels_last)
    forward: Callable[[torch.Tensor], object] = network.forward
    loss = cast("Callable[[dict[str, Any], object], object]", network.loss)

    def loss_of_rounded(batch: dict[str, Any], preds: object = None) -> object:
        planes = batch["img"].contiguous(memory_format=torch.channels_last)
        with torch.autocast(planes.device.type, dtype=torch.bfloat16):
            preds = forward(planes) if preds is None else preds
        return loss(batch, _as_float32(preds))

    vars(network)["loss"] = loss_of_rounded


def _as_float32(answer: object) -> object:
    if isinstance(answer, torch.Tensor):
        return answer.float() if answer.is_floating_point() else answer
    if isinstance(answer, dict):
        return {key: _as_float32(value) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return type(answer)(_as_float32(value) for value in answer)
    return answer


ACTIONS: dict[str, Callable[[Path], None]] = {
    "fit": fit,
    "average": average,
    "export": export,
    "rebuild": rebuild,
}

if __name__ == "__main__":
    silence_library()
    ACTIONS[sys.argv[1]](Path(sys.argv[2]))
