"""Means of weights, in the trainer's process; never imported elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from detection.domain.errors import ConfigurationError
from training.record import read_record


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
