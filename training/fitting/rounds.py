"""The trainer's process for one short round of a loop: fit, then answer tiles, and no more.

``fit`` of ``training.fitting.train`` judges every epoch on val and keeps the best, which is right
for a model that ships and too dear for dozens of short trainings that are compared. Here an epoch
is a fixed number of photos, however many are labelled, so that rounds differ in nothing but their
labels: steps, warm-up and schedule are the same. Started by ``training.fitting.launch`` only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import RandomSampler
from ultralytics import YOLO
from ultralytics.data.build import InfiniteDataLoader
from ultralytics.models.yolo.detect import DetectionTrainer

from training.fitting.fit_record import choose_arguments
from training.fitting.train import compute_in_bfloat16, silence_library
from training.record import read_record
from training.settings import TrainingSettings

LAST = Path("fit") / "weights" / "last.pt"
ANSWERS = "answers.npz"
BOXES_PER_TILE = 100
_BATCH = 16


class RoundTrainer(DetectionTrainer):  # type: ignore[misc]  # an untyped library
    """The library's trainer with epochs of ``images_per_epoch`` photos and without val."""

    images_per_epoch = 256
    threads = 1

    def get_dataloader(
        self,
        dataset_path: str,
        batch_size: int = 16,
        rank: int = 0,  # noqa: ARG002  # given by the library; there is one process
        mode: str = "train",
    ) -> InfiniteDataLoader:
        """Return photos in random order, each as often as any other over the epochs."""
        if mode == "val":
            return self.train_loader
        dataset = self.build_dataset(dataset_path, mode, batch_size)
        order = torch.Generator().manual_seed(int(self.args.seed))
        sampler = RandomSampler(dataset, num_samples=self.images_per_epoch, generator=order)
        return InfiniteDataLoader(
            dataset=dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=0,
            collate_fn=dataset.collate_fn,
        )

    def validate(self) -> tuple[dict[str, float], float]:
        """Judge nothing: the last epoch is the result."""
        return {}, 0.0

    def final_eval(self) -> None:
        """Judge nothing."""


def fit_round(run_dir: Path) -> None:
    """Train as the record says; the weights of the last epoch stay in ``fit/weights/last.pt``."""
    record = read_record(run_dir)
    settings = TrainingSettings.model_validate(record["config"])
    RoundTrainer.images_per_epoch = int(record["images_per_epoch"])
    torch.set_num_threads(int(record["threads"]))
    model = YOLO(str(record["start"]))
    model.add_callback(
        "on_pretrain_routine_start", lambda _: torch.set_num_threads(int(record["threads"]))
    )
    if settings.precision == "bfloat16":
        model.add_callback("on_train_start", lambda state: compute_in_bfloat16(state.model))
    arguments = choose_arguments(run_dir, settings, str(record["data_yaml"]))
    model.train(trainer=RoundTrainer, **arguments, val=False, device="cpu")
    answer_tiles(run_dir, record)


def answer_tiles(run_dir: Path, record: dict[str, Any]) -> None:
    """Write ``answers.npz``: what the round's network says of the tiles that the record lists.

    ``rows`` ``(n, 100, 6)``: x_min, y_min, x_max, y_max in tile pixels, score, class index;
    ``vectors`` ``(n, d)``: the mean of each level of the neck, one beside the other.
    """
    tiles = np.load(str(record["tiles"]), mmap_mode="r")
    wanted = [int(index) for index in record["answered"]]
    network = YOLO(str(run_dir / LAST)).model.float()
    network.end2end = True  # the library selects the one-to-many head otherwise
    network = network.fuse(verbose=False).eval()
    torch.set_num_threads(int(record["threads"]))
    parts = [
        _answer_batch(network, np.asarray(tiles[wanted[first : first + _BATCH]]))
        for first in range(0, len(wanted), _BATCH)
    ]
    rows, vectors = (np.concatenate(part) for part in zip(*parts, strict=True))
    np.savez(run_dir / ANSWERS, rows=rows, vectors=vectors)


def _answer_batch(
    network: torch.nn.Module, tiles: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    planes = torch.from_numpy(tiles).permute(0, 3, 1, 2).float().div_(255.0)
    with torch.inference_mode():
        rows, raw = network(planes)
    levels = raw["one2one" if "one2one" in raw else "feats"]
    levels = levels["feats"] if isinstance(levels, dict) else levels
    vectors = torch.cat([level.mean(dim=(2, 3)) for level in levels], dim=1)
    return rows[:, :BOXES_PER_TILE].numpy(), vectors.numpy()


ACTIONS: dict[str, Callable[[Path], None]] = {"round": fit_round}

if __name__ == "__main__":
    silence_library()
    ACTIONS[sys.argv[1]](Path(sys.argv[2]))
