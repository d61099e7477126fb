"""Shipped ONNX weights to a checkpoint that training can go on from; part of the trainer's process.

An exported file holds the network with every normalisation folded into the convolution before it,
and only the head that is deployed. Three things are made up for:

- A folded convolution ``W x + b`` is unfolded with statistics of real tiles: with mean ``m`` and
  variance ``v`` of ``W x`` the layer becomes ``g (W x - m) / sqrt(v + eps) + (b + m)`` with
  ``g = sqrt(v + eps)``. That is the same number for number, and stays nearly the same in training,
  where the statistics are those of the batch. An identity (m 0, v 1) would be another network
  there.
- The one-to-many head, which only training has, begins as a copy of the one-to-one head.
- A layer that only the loss of a segment model reads begins with nought at its end, so that it
  teaches the layers before it nothing until it has learned something itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from ultralytics import YOLO
from ultralytics.nn.modules import Conv

from detection.domain.errors import ModelError

ARCHITECTURE = "yolo26n"
ONE_TO_ONE = "one2one_"
LOSS_ONLY = "semseg"
_BATCH = 4

Weights = Mapping[str, NDArray[np.float32]]


def rebuild(run_dir: Path) -> None:
    """Write ``fit/weights/best.pt`` from the ONNX file that ``start.json`` names.

    ``tiles.npy`` holds ``(n, px, px, 3)`` uint8 RGB tiles to take statistics of; what the rebuilt
    network says of them goes to ``torch_answer.npy``, for the parent to compare.

    Raises:
        ModelError: the file holds another network than the one that is trained here.
    """
    order = json.loads((run_dir / "start.json").read_text(encoding="utf-8"))
    tiles = np.load(run_dir / "tiles.npy")
    weights = read_weights(Path(order["onnx"]))
    network = build_network(str(order["task"]), list(order["classes"]), find_width(weights))
    load_folded(network, weights)
    unfold(network, tiles)
    answers = [_answer(network, tile) for tile in tiles]
    for name, parts in zip(("answer", "prototypes"), zip(*answers, strict=True), strict=False):
        np.save(run_dir / f"torch_{name}.npy", np.stack(parts))
    path = run_dir / "fit" / "weights" / "best.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(
        {
            "epoch": -1,
            "model": network.train(),
            "optimizer": None,
            "train_args": {"task": order["task"]},
        },
        part,
    )
    part.replace(path)


def find_width(weights: Weights) -> int:
    """Return how many channels the branch of classes has; it keeps those of its first ancestor."""
    last = [name for name in weights if name.endswith(f"{ONE_TO_ONE}cv3.0.2.weight")]
    if not last:
        reason = "it has no one-to-one head"
        raise _other_network(reason)
    return int(weights[last[0]].shape[1])


def build_network(task: str, classes: list[str], width: int) -> torch.nn.Module:
    """Return an untrained network of the task for the classes.

    The library makes the branch of classes as wide as their number asks for; ``load`` of another
    network makes it as wide as the branch there.
    """
    stem = f"{ARCHITECTURE}-seg" if task == "segment" else ARCHITECTURE
    made = YOLO(f"{stem}.yaml", task=task).model
    network, donor = (
        type(made)(made.yaml | {"nc": count}, nc=count, verbose=False)
        for count in (len(classes), width)
    )
    network.load(donor, verbose=False)
    vars(network)["names"] = dict(enumerate(classes))
    vars(network)["task"] = task
    return cast("torch.nn.Module", network.float())


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights of an ONNX file by the name that the exporter gave them.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        model = onnx.load(path)
    except Exception as error:  # the parser of onnx raises whatever its protobuf runtime does
        message = f"{path} cannot be read as ONNX ({type(error).__name__})."
        raise ModelError(message, remedy="Restore the file from the release.") from error
    found = {item.name: item for item in model.graph.initializer if item.name.startswith("model.")}
    return {
        name: np.asarray(numpy_helper.to_array(item), dtype=np.float32)
        for name, item in found.items()
    }


def load_folded(network: torch.nn.Module, weights: Weights) -> None:
    """Put folded weights into a network: the deployed head, its copy, and everything before.

    Raises:
        ModelError: a weight is missing, left over or of another shape.
    """
    state = network.state_dict()
    used: set[str] = set()
    for layer, module in network.named_modules():
        source = _name_source(layer, weights)
        if f".{LOSS_ONLY}." in f"{layer}.":
            continue
        if isinstance(module, Conv):
            _reset_identity(module)
            names = {f"{layer}.conv.weight": f"{source}.conv.weight"}
            names[f"{layer}.bn.bias"] = f"{source}.conv.bias"
        elif isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            if layer.endswith(".conv"):  # the inside of a folded layer
                continue
            names = {f"{layer}.{part}": f"{source}.{part}" for part in ("weight", "bias")}
        else:
            continue
        used |= _take(state, weights, names)
    left = sorted(set(weights) - used)
    if left:
        reason = f"{len(left)} weights have no place, such as {left[0]}"
        raise _other_network(reason)
    network.load_state_dict(state)
    _silence_loss_only(network)


def _name_source(layer: str, weights: Weights) -> str:
    """Return where the weights of a layer are: the one-to-many head takes those of the other."""
    head, _, branch = layer.partition(".cv")
    twin = f"{head}.{ONE_TO_ONE}cv{branch}"
    known = any(name.startswith(f"{twin}.") for name in weights)
    return twin if branch and known else layer


def _take(state: dict[str, torch.Tensor], weights: Weights, names: Mapping[str, str]) -> set[str]:
    for target, source in names.items():
        value = weights.get(source, np.zeros(0, np.float32))
        if tuple(state[target].shape) != value.shape:
            reason = f"{source} is missing or has another shape"
            raise _other_network(reason)
        state[target] = torch.from_numpy(value.copy())
    return set(names.values())


def _other_network(reason: str) -> ModelError:
    message = f"The ONNX file is not of a {ARCHITECTURE} network as it is trained here: {reason}."
    return ModelError(message, remedy="Go on from the checkpoint: --weights checkpoint.")


def _reset_identity(module: Conv) -> None:
    """Let a normalisation pass on what it is given, but for its bias."""
    with torch.no_grad():
        module.bn.weight.fill_(float(np.sqrt(1.0 + module.bn.eps)))
        module.bn.running_mean.zero_()
        module.bn.running_var.fill_(1.0)


def _silence_loss_only(network: torch.nn.Module) -> None:
    """Set the last layer of a branch that only the loss reads to nought."""
    for layer, module in network.named_modules():
        if layer.endswith(f".{LOSS_ONLY}"):
            last = [part for part in module.modules() if isinstance(part, torch.nn.Conv2d)][-1]
            with torch.no_grad():
                last.weight.zero_()


def unfold(network: torch.nn.Module, tiles: NDArray[np.uint8]) -> None:
    """Give every normalisation the statistics of tiles; the answer of the network stays the same.

    ``tiles`` is ``(n, px, px, 3)`` uint8 RGB.
    """
    folded = [module for module in network.modules() if isinstance(module, Conv)]
    sums = {module: _Sums() for module in folded}
    handles = [module.conv.register_forward_hook(sums[module].add) for module in folded]
    network.eval()
    with torch.no_grad():
        for start in range(0, len(tiles), _BATCH):
            network(_as_planes(tiles[start : start + _BATCH]))
        for handle, module in zip(handles, folded, strict=True):
            handle.remove()
            if sums[module].count:  # a branch that only the loss reads was not run
                _set_statistics(module, sums[module])


class _Sums:
    """Sums over all tiles and cells of what one convolution answered, by channel."""

    def __init__(self) -> None:
        self.count = 0
        self.values = torch.zeros(1, dtype=torch.float64)
        self.squares = torch.zeros(1, dtype=torch.float64)

    def add(self, module: torch.nn.Module, given: object, answer: torch.Tensor) -> None:
        """Take one answer ``(n, channels, h, w)``; the arguments are those of a forward hook."""
        del module, given
        cells = answer.double()
        self.count += answer.numel() // answer.shape[1]
        self.values = self.values + cells.sum((0, 2, 3))
        self.squares = self.squares + cells.square().sum((0, 2, 3))


def _set_statistics(module: Conv, sums: _Sums) -> None:
    bn = module.bn
    mean = sums.values / sums.count
    variance = (sums.squares / sums.count - mean.square()).clamp_min(0.0).float()
    bn.running_mean.copy_(mean.float())
    bn.running_var.copy_(variance)
    bn.weight.copy_((variance + bn.eps).sqrt())
    bn.bias.add_(mean.float())


def _as_planes(tiles: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(tiles).permute(0, 3, 1, 2).contiguous().float().div_(255.0)


def _answer(network: torch.nn.Module, tile: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return the rows of the deployed head for one tile, then prototypes where it makes masks."""
    cast("Any", network).end2end = True  # the library selects the one-to-many head otherwise
    with torch.inference_mode():
        answer = network(_as_planes(tile[None]))[0]
    outputs = answer if isinstance(answer, tuple) else (answer,)
    return [output[0].cpu().numpy() for output in outputs]
