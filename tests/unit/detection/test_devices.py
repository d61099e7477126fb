from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from detection.detectors import devices
from detection.detectors.devices import CPU, Device, count_gpus, find_device
from detection.detectors.registry import choose_weights, load_detector
from detection.domain.errors import ConfigurationError, ModelError
from detection.settings import load_settings
from tests.fakes import build_manifest
from tests.free_sided_model import write_free_sided_model


class Driver:
    """Stands in for libcuda: so many GPUs, or an error."""

    def __init__(self, count: int, error: int = 0) -> None:
        self.count, self.error = count, error

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's name
        assert flags == 0
        return self.error

    def cuDeviceGetCount(self, place: object) -> int:  # noqa: N802 - the driver's name
        place._obj.value = self.count  # type: ignore[attr-defined] # what ctypes.byref gives
        return 0


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def plug_in(count: int, *, supported: bool = True, error: int = 0) -> None:
        monkeypatch.setattr(ctypes, "CDLL", lambda _: Driver(count, error))
        module = ModuleType("tests.fake_runtime")
        module.has_gpu_support = lambda: supported  # type: ignore[attr-defined] # made here
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(
            devices, "GPU_RUNTIMES", dict.fromkeys(("onnx", "torch"), module.__name__)
        )

    return plug_in


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "CUDA_DRIVER", "libnothing-of-this-name.so.1")
    assert count_gpus() == 0
    assert find_device("onnx", "auto") == CPU


def test_a_driver_that_does_not_answer_is_no_gpu(plug_in: Callable[..., None]) -> None:
    plug_in(4, error=999)
    assert count_gpus() == 0


def test_auto_takes_the_first_gpu_where_the_runtime_can_use_it(
    plug_in: Callable[..., None],
) -> None:
    plug_in(2)
    assert find_device("onnx") == find_device("torch", "cuda") == Device("cuda", 0)
    assert find_device("torch", "cuda:1") == Device("cuda", 1)
    assert find_device("onnx", "cpu") == CPU
    assert find_device("openvino") == CPU
    plug_in(2, supported=False)
    assert find_device("onnx") == CPU


@pytest.mark.parametrize(
    ("runtime", "wanted", "message", "remedy"),
    [
        ("openvino", "cuda", "The runtime openvino has no use for a GPU", "onnx or torch"),
        ("onnx", "cuda:2", "CUDA sees 2 GPUs, so there is no cuda:2", "nvidia-smi"),
        ("onnx", "gpu", "There is no device named gpu", "cuda:1"),
        ("onnx", "cuda:1:2", "no device named", "cuda:1"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_an_error_with_a_remedy(
    plug_in: Callable[..., None], runtime: str, wanted: str, message: str, remedy: str
) -> None:
    plug_in(2)
    with pytest.raises(ConfigurationError, match=message) as caught:
        find_device(runtime, wanted)
    assert remedy in caught.value.remedy


def test_a_runtime_that_is_made_for_the_cpu_says_what_to_install(
    plug_in: Callable[..., None],
) -> None:
    plug_in(1, supported=False)
    with pytest.raises(ConfigurationError, match="made for the CPU alone") as caught:
        find_device("onnx", "cuda")
    assert "requirements/gpu.txt" in caught.value.remedy


def test_a_runtime_that_is_not_installed_says_what_to_install(
    plug_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(1)
    monkeypatch.setattr(devices, "GPU_RUNTIMES", {"torch": "tests.never_written"})
    with pytest.raises(ConfigurationError, match="torch is not installed"):
        find_device("torch", "cuda")
    assert find_device("torch", "auto") == CPU


def test_a_gpu_takes_the_exact_weights_never_those_of_whole_numbers() -> None:
    manifest = replace(
        build_manifest(), int8_weights_path=Path("a.int8.onnx"), int8_weights_sha256="1" * 64
    )
    gpu = Device("cuda", 1)
    chosen = choose_weights(manifest, "auto", runtime="onnx", device=gpu)
    assert chosen == replace(manifest, precision="fp16")
    assert choose_weights(manifest, "fp32", runtime="onnx", device=gpu).precision == "fp32"
    assert choose_weights(manifest, "bf16", runtime="torch", device=gpu).precision == "bf16"
    with pytest.raises(ConfigurationError, match="bfloat16 on cuda:1"):
        choose_weights(manifest, "bf16", runtime="onnx", device=gpu)
    with pytest.raises(ModelError, match="not on cuda:1"):
        choose_weights(manifest, "int8", runtime="onnx", device=gpu)


def test_the_device_and_the_batch_reach_the_runtime(
    tmp_path: Path, plug_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(2)
    given: dict[str, object] = {}

    def remember(manifest: object, **options: object) -> SimpleNamespace:
        given.update(options)
        return SimpleNamespace(manifest=manifest)

    monkeypatch.setattr("detection.detectors.onnx.OnnxDetector", remember)
    manifest = write_free_sided_model(tmp_path)
    loaded = load_detector(manifest, runtime="onnx", device="cuda:1", batch=8)
    assert (given["device"], given["batch"]) == (Device("cuda", 1), 8)
    assert loaded.manifest.precision == "fp16"
    assert load_detector(manifest, runtime="onnx", device="cpu").manifest.precision == "fp32"
    assert given["device"] == CPU


def test_a_device_of_another_make_is_refused_as_a_setting() -> None:
    assert load_settings(device="cuda:12").device == "cuda:12"
    with pytest.raises(ConfigurationError, match="device"):
        load_settings(device="tpu")
