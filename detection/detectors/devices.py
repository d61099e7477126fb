"""Which device runs a model: the CPU, or one of the GPUs that the driver shows."""

from __future__ import annotations

import ctypes
import importlib
import logging
import re
from dataclasses import dataclass
from typing import Final, Literal

from detection.domain.errors import ConfigurationError
from detection.settings import DEVICE_PATTERN

logger = logging.getLogger(__name__)

CUDA_DRIVER = "libcuda.so.1"

GPU_RUNTIMES: Final[dict[str, str]] = {
    "onnx": "detection.detectors.onnx",
    "torch": "detection.detectors.torch_yolo",
}
"""Runtimes that can use a GPU, and the module whose ``has_gpu_support()`` says if this one does."""

INSTALL_GPU = "Install requirements/gpu.txt (see docs/speed.md), or set the device to cpu."


@dataclass(frozen=True, slots=True)
class Device:
    """Where a model runs; ``index`` is the number of the GPU, as CUDA counts them."""

    kind: Literal["cpu", "cuda"] = "cpu"
    index: int = 0

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.kind == "cuda"

    def __str__(self) -> str:
        """Return ``cpu`` or ``cuda:0``."""
        return f"cuda:{self.index}" if self.is_gpu else "cpu"


CPU: Final = Device()


def find_device(runtime: str, wanted: str = "auto") -> Device:
    """Return the device that a runtime uses where ``wanted`` is asked for; no model is loaded.

    OpenVINO runs on the CPU: it is the faster one there, and ``auto`` never changes the runtime.
    A runtime is imported only where the driver shows a GPU.

    Raises:
        ConfigurationError: ``wanted`` is no device, or a GPU that is not there or that the runtime
            cannot use.
    """
    if not re.match(DEVICE_PATTERN, wanted):
        message = f"There is no device named {wanted}."
        raise ConfigurationError(message, remedy="Choose auto, cpu, cuda, or cuda:1 and so on.")
    if wanted == "cpu":
        return CPU
    reason = _find_obstacle(runtime, _read_index(wanted))
    if reason is None:
        return Device("cuda", _read_index(wanted))
    if wanted == "auto":
        return CPU
    message, remedy = reason
    raise ConfigurationError(message, remedy=remedy)


def _read_index(wanted: str) -> int:
    _, _, number = wanted.partition(":")
    return int(number or 0)


def _find_obstacle(runtime: str, index: int) -> tuple[str, str] | None:
    """Return why a runtime cannot use a GPU and what helps, or None where it can."""
    if runtime not in GPU_RUNTIMES:
        runtimes = " or ".join(GPU_RUNTIMES)
        return f"The runtime {runtime} has no use for a GPU.", f"Choose the runtime {runtimes}."
    count = count_gpus()
    if index >= count:
        seen = f"CUDA sees {count} GPUs, so there is no cuda:{index}."
        return seen, "Look at nvidia-smi and CUDA_VISIBLE_DEVICES, or set the device to cpu."
    try:
        usable = importlib.import_module(GPU_RUNTIMES[runtime]).has_gpu_support()
    except ImportError as error:
        return f"The runtime {runtime} is not installed: {error}.", INSTALL_GPU
    if not usable:
        return f"The installed runtime {runtime} is made for the CPU alone.", INSTALL_GPU
    return None


def count_gpus() -> int:
    """Return how many GPUs CUDA would use: the driver is asked, no runtime is needed.

    ``CUDA_VISIBLE_DEVICES`` and the devices of a container are respected.
    """
    try:
        driver = ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        logger.warning("The CUDA driver is installed, and it does not answer: no GPU is used.")
        return 0
    return count.value
