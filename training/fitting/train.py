"""The trainer's process: one prepared run folder to weights; it and its parts use ultralytics.

Started by ``training.fitting.launch`` only, which isolates its environment; never imported
elsewhere, because the library reads that environment on import.
"""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics import YOLO
from ultralytics.data import augment
from ultralytics.nn.modules.head import Segment26
from ultralytics.utils import SETTINGS
from ultralytics.utils.loss import v8SegmentationLoss
from ultralytics.utils.torch_utils import strip_optimizer

from detection.domain.errors import ConfigurationError
from training.composed_settings import Degradation
from training.fitting.curves import keep_epochs
from training.fitting.degrade import DegradePhotos
from training.fitting.environment import count_threads
from training.fitting.fit_record import (
    choose_arguments,
    describe_end,
    describe_start,
    find_prepared,
)
from training.fitting.progress import ProgressLog
from training.fitting.warm_start import rebuild
from training.record import read_record, write_record
from training.settings import TrainingSettings

_SILENT = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
_STRIPPED = sys.maxsize  # epochs behind weights without an optimiser: the training had ended


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
    if _read_epochs_done(best) != _STRIPPED:  # killed after the last epoch
        strip_optimizer(best)
    if settings.optimisation.start_share:
        start = Path(find_prepared(record, "start"))
        best = blend_with_start(best.with_name("last.pt"), start, settings.optimisation.start_share)
    write_record(run_dir, record | describe_end(run_dir, best, log.elapsed_s))


def blend_with_start(last: Path, start: Path, share: float) -> Path:
    """Write ``blended.pt`` beside the last epoch: its weights and ``share`` of the starting ones.

    Raises:
        ConfigurationError: the start is of another network, or of other classes.
    """
    return average_weights([(last, 1 - share), (start, share)], last.with_name("blended.pt"))


def average_weights(parts: Sequence[tuple[Path, float]], path: Path) -> Path:
    """Write to ``path`` the first checkpoint with the mean of all weights; shares sum to one.

    Raises:
        ConfigurationError: a checkpoint is of another network, or of other classes.
    """
    first = torch.load(parts[0][0], weights_only=False)
    network = first["model"].float()
    mean = {
        key: value * parts[0][1] if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    for other, share in parts[1:]:
        weights = torch.load(other, weights_only=False)["model"].float().state_dict()
        if {key: value.shape for key, value in weights.items()} != {
            key: value.shape for key, value in mean.items()
        }:
            message = f"{other} is of another network than {parts[0][0]}: no mean of them exists."
            raise ConfigurationError(message, remedy="Take runs that began with the same weights.")
        for key, value in weights.items():
            if value.is_floating_point():
                mean[key] = mean[key] + share * value
    network.load_state_dict(mean)
    network.half()
    torch.save(first, path)
    return path


def average(run_dir: Path) -> None:
    """Write ``best.pt``: the mean of the weights that ``run.json`` names, by their shares."""
    record = read_record(run_dir)
    folder = run_dir / "fit" / "weights"
    folder.mkdir(parents=True)
    shares = [float(part["share"]) for part in record["averaged"]]
    paths = [Path(path) for path in record["parts"]]
    average_weights(list(zip(paths, shares, strict=True)), folder / "best.pt")


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


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights with the state of the optimiser after ``epochs_done`` epochs."""

    path: Path
    epochs_done: int


def find_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest whole checkpoint of a run, mended; None where no epoch ended.

    The library writes ``last.pt`` in place, then the same bytes to ``best.pt`` where the epoch was
    the best. So a kill leaves one of the two whole: ``best.pt`` is made again from ``last.pt``, or
    the epochs after ``best.pt`` are trained again.
    """
    last, best = folder / "last.pt", folder / "best.pt"
    found, kept = _read_epochs_done(last), _read_epochs_done(best)
    if found is None:
        return None if kept is None else Checkpoint(best, kept)
    if kept is None:
        shutil.copyfile(last, best)
    return Checkpoint(last, found)


def _read_epochs_done(path: Path) -> int | None:
    """Return the epochs behind a checkpoint, very many in a stripped one; None if it is broken."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=False)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    return _STRIPPED if state["optimizer"] is None else int(state["epoch"]) + 1


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


def export(run_dir: Path) -> None:
    """Write the ONNX model of ``best.pt`` and the checkpoint's own answers to given tiles.

    ``export/tiles.npy`` is ``(n, px, px, 3)`` uint8 RGB, ``export/torch_tiles_answer.npy`` becomes
    ``(n, k, 6)``; of a segment model ``(n, k, 38)``, with its prototypes of masks
    ``(n, 32, px / 4, px / 4)`` in ``export/torch_tiles_prototypes.npy``; the like for the wider
    tiles in ``export/wide.npy``. The parent compares them with what ONNX Runtime says of the same.
    Batch, height and width of the ONNX model are free.
    """
    folder = run_dir / "export"
    record = read_record(run_dir)
    task = str(record["config"].get("task", "detect"))
    weights = folder / "model.pt"
    shutil.copyfile(run_dir / str(record["weights"]), weights)
    network = YOLO(str(weights), task=task).model.float()
    network.end2end = True  # the library selects the one-to-many head otherwise
    network = network.fuse(verbose=False).eval()
    for tiles_path in (folder / "tiles.npy", folder / "wide.npy"):
        _save_answers(network, tiles_path)
    Segment26.postprocess = gather_rows
    side_px = int(np.load(folder / "tiles.npy", mmap_mode="r").shape[1])
    YOLO(str(weights), task=task).export(
        format="onnx", imgsz=side_px, nms=False, simplify=True, dynamic=True, device="cpu"
    )


def _save_answers(network: torch.nn.Module, tiles_path: Path) -> None:
    outputs = [_answer_tile(network, tile) for tile in np.load(tiles_path)]
    for name, parts in zip(("answer", "prototypes"), zip(*outputs, strict=True), strict=False):
        np.save(tiles_path.with_name(f"torch_{tiles_path.stem}_{name}.npy"), np.stack(parts))


def _answer_tile(network: torch.nn.Module, tile: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return the network's rows for one tile, then its prototypes where it makes masks."""
    planes = torch.from_numpy(tile).permute(2, 0, 1)[None].float().div_(255.0)
    with torch.inference_mode():
        answer = network(planes)[0]  # after it come the raw maps that training needs
    outputs = answer if isinstance(answer, tuple) else (answer,)
    return [output[0].cpu().numpy() for output in outputs]


def gather_rows(head: Segment26, answers: torch.Tensor) -> torch.Tensor:
    """Return the best answers ``(1, k, 38)`` of a segment head; the same as the library's own.

    The library cuts all answers into boxes, scores and coefficients and gathers each for itself.
    OpenVINO 2026.4 takes such a graph apart wrongly and refuses it; gathering first avoids that.
    """
    scores = answers[..., 4 : 4 + head.nc]
    best, classes, indices = head.get_topk_index(scores, head.max_det)
    rows = answers.gather(1, indices[..., None].expand(-1, -1, answers.shape[-1]))
    return torch.cat([rows[..., :4], best, classes, rows[..., 4 + head.nc :]], dim=-1)


ACTIONS: dict[str, Callable[[Path], None]] = {
    "fit": fit,
    "average": average,
    "export": export,
    "rebuild": rebuild,
}

if __name__ == "__main__":
    silence_library()
    ACTIONS[sys.argv[1]](Path(sys.argv[2]))
