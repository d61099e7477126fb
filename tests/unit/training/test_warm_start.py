"""The network is the real one, untrained: what is held is the arithmetic, not what it sees."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

import detection.detectors.torch_yolo  # noqa: F401 - before the library: no installing, Pillow as it is
from detection.domain.errors import ModelError
from training.fitting.warm_start import (
    build_network,
    find_width,
    load_folded,
    read_weights,
    unfold,
)

CLASSES = ["manhole_ok", "manhole_broken", "manhole_missing"]
WIDTH = 80
"""Channels of the branch of classes, kept from an ancestor of 80 classes."""


def draw_tiles(count: int = 4, side: int = 64) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    """A network whose normalisations are those of a training, not the identity."""
    torch.manual_seed(7)
    torch.set_num_threads(1)
    network = build_network("detect", CLASSES, WIDTH).train()
    parts: list[Any] = [part for part in network.modules() if hasattr(part, "bn")]
    with torch.no_grad():
        for norm in (part.bn for part in parts):
            norm.momentum = 1.0  # the statistics are those of the one batch
            norm.weight.uniform_(0.8, 1.2)
            norm.bias.uniform_(-0.2, 0.2)
        network(torch.from_numpy(draw_tiles()).permute(0, 3, 1, 2).float() / 255)
    return network.eval()


def fold(network: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    """Return what an exporter writes: folded weights, the one-to-one head alone."""
    weights = {}
    for name, module in network.named_modules():
        if name.startswith(("model.23.cv2", "model.23.cv3")):
            continue
        if hasattr(module, "bn"):
            bn = module.bn
            scale = bn.weight / (bn.running_var + bn.eps).sqrt()
            weights[f"{name}.conv.weight"] = module.conv.weight * scale[:, None, None, None]
            weights[f"{name}.conv.bias"] = bn.bias - bn.running_mean * scale
        elif isinstance(module, torch.nn.Conv2d) and not name.endswith(".conv"):
            weights |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    return {key: value.detach().numpy().astype(np.float32) for key, value in weights.items()}


def answer(network: torch.nn.Module, tiles: NDArray[np.uint8]) -> dict[str, torch.Tensor]:
    """Return the raw maps of the deployed head."""
    planes = torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        maps = network(planes)
    maps = maps if isinstance(maps, dict) else maps[1]
    return {key: maps["one2one"][key] for key in ("boxes", "scores")}


@pytest.fixture(scope="module")
def rebuilt(trained: torch.nn.Module) -> torch.nn.Module:
    network = build_network("detect", CLASSES, WIDTH)
    load_folded(network, fold(trained))
    unfold(network, draw_tiles())
    return network


def test_rebuilt_network_says_the_same_before_a_step_is_made(
    trained: torch.nn.Module, rebuilt: torch.nn.Module
) -> None:
    others = draw_tiles(2, 96)
    before, after = answer(trained, others), answer(rebuilt.eval(), others)
    for key in before:
        assert torch.allclose(before[key], after[key], rtol=2e-3, atol=2e-2), key


def test_rebuilt_network_says_nearly_the_same_while_it_trains(
    trained: torch.nn.Module, rebuilt: torch.nn.Module
) -> None:
    """With the statistics of the batch, as every step of a training computes it."""
    tiles = draw_tiles()
    held = answer(rebuilt.eval(), tiles)["scores"]
    while_training = answer(copy.deepcopy(rebuilt).train(), tiles)["scores"]
    assert torch.allclose(held, while_training, atol=0.05)

    plain = build_network("detect", CLASSES, WIDTH)  # normalisations left as an identity
    load_folded(plain, fold(trained))
    assert not torch.allclose(held, answer(plain.train(), tiles)["scores"], atol=0.5)


def test_head_that_only_training_has_begins_as_the_deployed_one(rebuilt: torch.nn.Module) -> None:
    state = rebuilt.state_dict()
    pairs = [name for name in state if ".one2one_cv" in name]
    assert pairs
    for name in pairs:
        assert torch.equal(state[name], state[name.replace("one2one_", "")]), name


def test_branch_that_only_the_loss_reads_teaches_nothing_at_first() -> None:
    network = build_network("segment", ["facade_crack"], WIDTH)
    weights = fold(network)
    masks = [key for key in weights if ".semseg." in key or key.startswith("model.23.cv4")]
    proto = dict(network.named_modules())["model.23.proto"].upsample
    weights = {key: value for key, value in weights.items() if key not in masks}
    weights |= {
        f"model.23.proto.upsample.{part}": getattr(proto, part).detach().numpy()
        for part in ("weight", "bias")
    }
    load_folded(network, weights)
    last = dict(network.named_modules())["model.23.proto.semseg"][-1]
    assert not last.weight.any()


def test_another_network_is_refused_by_name(trained: torch.nn.Module) -> None:
    weights = fold(trained)
    network = build_network("detect", CLASSES, WIDTH)
    with pytest.raises(ModelError, match="1 weights have no place"):
        load_folded(network, weights | {"model.99.conv.weight": np.zeros(3, np.float32)})
    first = "model.0.conv.weight"
    with pytest.raises(ModelError, match="is missing or has another shape"):
        load_folded(network, weights | {first: weights[first][:8]})
    with pytest.raises(ModelError, match="no one-to-one head"):
        find_width({first: weights[first]})


def test_damaged_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no onnx at all")
    with pytest.raises(ModelError, match="cannot be read as ONNX"):
        read_weights(path)


def test_weights_are_read_by_the_exporters_names(tmp_path: Path) -> None:
    values = np.ones((2, 80, 1, 1), np.float32)
    kept = numpy_helper.from_array(values, "model.23.one2one_cv3.0.2.weight")
    other = numpy_helper.from_array(np.zeros(1, np.float32), "onnx::Split_214")
    graph = helper.make_graph([], "g", [], [], [kept, other])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph), path)
    weights = read_weights(path)
    assert list(weights) == ["model.23.one2one_cv3.0.2.weight"]
    assert find_width(weights) == 80
