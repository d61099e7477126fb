"""ONNX Runtime on a GPU: batches copied to buffers on the device, two in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from detection.detectors.base import TileImage
from detection.detectors.batches import Shape
from detection.detectors.devices import INSTALL_GPU, Device
from detection.detectors.gpu_graph import PIXELS, build_gpu_graph
from detection.detectors.manifest import ModelManifest
from detection.domain.errors import ConfigurationError

CUDA_PROVIDER = "CUDAExecutionProvider"


@dataclass(frozen=True, slots=True, eq=False)
class _Buffers:
    """Room for one batch of a shape: on the host, on the device, and how both are bound."""

    host: NDArray[np.uint8]
    on_device: Any
    binding: Any


class GpuSession:
    """A model on one device; ``run`` may be called from several threads at once.

    The same code runs on the CPU, which is how it is tested where there is no GPU.
    """

    def __init__(
        self, manifest: ModelManifest, options: ort.SessionOptions, device: Device
    ) -> None:
        """Load the model on the device, in FP16 where the manifest says so.

        Raises:
            ConfigurationError: ONNX Runtime cannot use the GPU, although it is made for it.
        """
        self._device = device
        half = manifest.precision == "fp16"
        providers: list[Any] = ["CPUExecutionProvider"]
        if device.is_gpu:
            ort.preload_dlls()  # CUDA and cuDNN come as wheels, which are on no library path
            providers.insert(0, (CUDA_PROVIDER, _list_options(device, half=half)))
        graph = build_gpu_graph(manifest.weights_path, half=half)
        self.session = ort.InferenceSession(graph, options, providers=providers)
        if device.is_gpu and CUDA_PROVIDER not in self.session.get_providers():
            message = f"ONNX Runtime could not be started on {device}: a CUDA library is missing."
            raise ConfigurationError(message, remedy=INSTALL_GPU)
        self._idle: dict[Shape, deque[_Buffers]] = {}

    def run(self, tiles: Sequence[TileImage], room: int) -> list[NDArray[np.float32]]:
        """Return the outputs for ``n`` tiles of one shape; each is ``(n, …)``.

        Each number of tiles is a shape of its own, for which cuDNN looks for its best algorithms
        and the memory is laid out; so they are run in room for the next power of two, at most
        ``room``.
        """
        count = min(1 << (len(tiles) - 1).bit_length(), max(room, len(tiles)))
        shape = (count, *tiles[0].shape)
        idle = self._idle.setdefault(shape, deque())
        try:
            buffers = idle.pop()
        except IndexError:
            buffers = self._make_buffers(shape)
        np.stack(tiles, out=buffers.host[: len(tiles)])
        buffers.on_device.update_inplace(buffers.host)
        self.session.run_with_iobinding(buffers.binding)
        outputs = buffers.binding.copy_outputs_to_cpu()
        idle.append(buffers)
        return [output[: len(tiles)] for output in outputs]

    def _make_buffers(self, shape: Shape) -> _Buffers:
        host = np.zeros(shape, dtype=np.uint8)
        on_device = ort.OrtValue.ortvalue_from_shape_and_type(
            shape, np.uint8, self._device.kind, self._device.index
        )
        binding = self.session.io_binding()
        binding.bind_ortvalue_input(PIXELS, on_device)
        for output in self.session.get_outputs():
            binding.bind_output(output.name, "cpu")
        return _Buffers(host, on_device, binding)


def _list_options(device: Device, *, half: bool) -> dict[str, str]:
    return {
        "device_id": str(device.index),
        # Trying every algorithm takes seconds for each new shape.
        "cudnn_conv_algo_search": "HEURISTIC",
        # FP32 that is asked for is FP32: TF32 keeps ten bits, as FP16 does.
        "use_tf32": "1" if half else "0",
    }
