"""A manifest and the name of a runtime to a loaded detector."""

from __future__ import annotations

import importlib
import logging
from dataclasses import replace
from typing import Final, Literal

from detection.detectors.base import Detector
from detection.detectors.devices import CPU, GPU_RUNTIMES, Device, find_device
from detection.detectors.manifest import ModelManifest, verify_file
from detection.detectors.signature import SignatureState
from detection.domain.errors import ConfigurationError, ModelError
from detection.machine import has_bf16_instructions

logger = logging.getLogger(__name__)

Precision = Literal["auto", "fp32", "bf16", "int8"]

# module and class
ADAPTERS: Final[dict[str, tuple[str, str]]] = {
    "openvino": ("detection.detectors.openvino", "OpenVinoDetector"),
    "onnx": ("detection.detectors.onnx", "OnnxDetector"),
    "torch": ("detection.detectors.torch_yolo", "TorchYoloDetector"),
}


def load_detector(
    manifest: ModelManifest,
    *,
    runtime: str = "openvino",
    streams: int = 0,
    threads: int = 0,
    precision: Precision = "auto",
    require_signed: bool = False,
    device: str = "auto",
    batch: int = 0,
) -> Detector:
    """Verify signature and weights and load them in the chosen runtime, importing only that one.

    ``streams`` bounds how many tiles OpenVINO looks at together (elsewhere it is another name of
    ``threads``), ``threads`` how many processors are used; 0 takes what the machine has. ``device``
    is ``auto``, ``cpu``, ``cuda`` or ``cuda:1``; ``batch`` is how many tiles a model is given at
    once, 0 what the device likes. The manifest of the returned detector names the weights that
    were chosen by ``choose_weights``.

    Raises:
        ConfigurationError: the runtime is unknown or not installed, or the device is not there.
        ModelError: the weights are missing, changed, not made for this runtime or precision, or
            the signature is refused.
    """
    if runtime not in ADAPTERS:
        message = f"There is no runtime named {runtime}."
        raise ConfigurationError(message, remedy=f"Choose one of {', '.join(ADAPTERS)}.")
    check_trust(manifest, require_signed=require_signed)
    place = find_device(runtime, device)
    manifest = choose_weights(manifest, precision, runtime=runtime, device=place)
    _verify_for_runtime(manifest, runtime)
    module_name, class_name = ADAPTERS[runtime]
    try:
        adapter = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        message = f"The runtime {runtime} is not installed: {error}."
        remedy = "Install requirements/train.txt for torch, requirements/run.txt for the others."
        raise ConfigurationError(message, remedy=remedy) from error
    options: dict[str, object] = {"streams": streams, "threads": threads}
    if runtime in GPU_RUNTIMES:
        options = {"threads": threads or streams, "device": place, "batch": batch}
    detector: Detector = adapter(manifest, **options)
    return detector


def check_trust(manifest: ModelManifest, *, require_signed: bool) -> None:
    """Refuse a model that is not what was signed; an unsigned one only where signing is required.

    Raises:
        ModelError: says what is wrong with the signature.
    """
    state = manifest.signature
    if state.is_refused or (require_signed and state is not SignatureState.VALID):
        message = f"The signature of model {manifest.name} is refused: {state.value}."
        remedy = "Restore the manifest and trusted_keys from the release, or promote it again."
        raise ModelError(message, remedy=remedy)
    if state is SignatureState.UNSIGNED:
        logger.warning("The model %s is not signed.", manifest.name)


def choose_weights(
    manifest: ModelManifest, precision: Precision, *, runtime: str, device: Device = CPU
) -> ModelManifest:
    """Return the manifest with the weights and the arithmetic of a precision as its own.

    ``auto`` computes in bfloat16 where OpenVINO and the processor do, else in FP32, and in FP16 on
    a GPU. ``int8`` takes the INT8 weights where a model ships them and is ``auto`` for the others;
    it is never chosen by itself, because it loses boxes that bfloat16 keeps (docs/models.md).

    Raises:
        ModelError: a GPU shall run INT8.
        ConfigurationError: the runtime does not compute in bfloat16.
    """
    if device.is_gpu:
        return _choose_for_gpu(manifest, precision, device, runtime)
    if precision == "bf16" and runtime == "onnx":
        message = f"The runtime {runtime} does not compute in bfloat16."
        raise ConfigurationError(message, remedy="Choose the runtime openvino, or auto or fp32.")
    if precision == "bf16" or runtime == "torch":
        return replace(manifest, precision="bf16" if precision == "bf16" else "fp32")
    if precision == "fp32":
        return manifest
    in_bf16 = runtime == "openvino" and has_bf16_instructions()
    path = manifest.int8_weights_path
    if precision == "auto" or path is None:
        return replace(manifest, precision="bf16" if in_bf16 else "fp32")
    return replace(
        manifest,
        weights_path=path,
        weights_sha256=manifest.int8_weights_sha256,
        precision="int8+bf16" if in_bf16 else "int8",
    )


def _choose_for_gpu(
    manifest: ModelManifest, precision: Precision, device: Device, runtime: str
) -> ModelManifest:
    if precision == "bf16" and runtime == "onnx":
        message = f"The runtime {runtime} does not compute in bfloat16 on {device}."
        raise ConfigurationError(message, remedy="Choose the runtime torch, or auto or fp32.")
    if precision == "int8":
        message = f"INT8 weights run on the CPU alone, not on {device}."
        raise ModelError(message, remedy="Set the precision to auto (FP16 there) or fp32.")
    return replace(manifest, precision="fp16" if precision == "auto" else precision)


def _verify_for_runtime(manifest: ModelManifest, runtime: str) -> None:
    """Check the file that the runtime will open: a checkpoint is code, so never before its hash."""
    if runtime == "torch" and manifest.torch_weights_path is not None:
        verify_file(manifest.torch_weights_path, manifest.torch_weights_sha256, manifest.name)
        return
    needed = "torch" if runtime == "torch" else "onnx"
    if manifest.format != needed:
        message = (
            f"Model {manifest.name} is shipped as {manifest.format}, the runtime {runtime} "
            f"needs {needed}."
        )
        raise ModelError(message, remedy="Choose another runtime, or promote the checkpoint too.")
    verify_file(manifest.weights_path, manifest.weights_sha256, manifest.name)
