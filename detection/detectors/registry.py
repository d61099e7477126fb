"""A manifest and the name of a runtime to a loaded detector."""

from __future__ import annotations

import importlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest, verify_file
from detection.detectors.signature import SignatureState
from detection.domain.errors import ConfigurationError, ModelError

logger = logging.getLogger(__name__)

Precision = Literal["auto", "fp32", "int8"]

CPU_INFO = Path("/proc/cpuinfo")

# module, class, name of the option that bounds its parallel work
ADAPTERS: Final[dict[str, tuple[str, str, str]]] = {
    "openvino": ("detection.detectors.openvino", "OpenVinoDetector", "streams"),
    "onnx": ("detection.detectors.onnx", "OnnxDetector", "threads"),
    "torch": ("detection.detectors.torch_yolo", "TorchYoloDetector", "threads"),
}


def load_detector(
    manifest: ModelManifest,
    *,
    runtime: str = "openvino",
    streams: int = 0,
    precision: Precision = "auto",
    require_signed: bool = False,
) -> Detector:
    """Verify signature and weights and load them in the chosen runtime, importing only that one.

    ``streams`` bounds how much runs at once (tiles for OpenVINO, threads elsewhere); 0 takes
    what the machine has. The manifest of the returned detector names the weights that were
    chosen by ``choose_weights``.

    Raises:
        ConfigurationError: the runtime is unknown or not installed.
        ModelError: the weights are missing, changed, not made for this runtime or precision, or
            the signature is refused.
    """
    if runtime not in ADAPTERS:
        message = f"There is no runtime named {runtime}."
        raise ConfigurationError(message, remedy=f"Choose one of {', '.join(ADAPTERS)}.")
    check_trust(manifest, require_signed=require_signed)
    manifest = choose_weights(manifest, precision, runtime=runtime)
    _verify_for_runtime(manifest, runtime)
    module_name, class_name, option = ADAPTERS[runtime]
    try:
        adapter = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        message = f"The runtime {runtime} is not installed: {error}."
        remedy = "Install requirements/train.txt for torch, requirements/run.txt for the others."
        raise ConfigurationError(message, remedy=remedy) from error
    detector: Detector = adapter(manifest, **{option: streams})
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


def choose_weights(manifest: ModelManifest, precision: Precision, *, runtime: str) -> ModelManifest:
    """Return the manifest with the weights of a precision as its weights.

    ``auto`` takes the INT8 weights where they are shipped and the processor has instructions for
    them: without, they are no faster and some processors round them worse. torch has none.

    Raises:
        ModelError: INT8 is asked for by name and there is none.
    """
    path = manifest.int8_weights_path
    if runtime == "torch" or precision == "fp32":
        return manifest
    if path is None:
        if precision == "int8":
            message = f"Model {manifest.name} has no INT8 weights."
            raise ModelError(message, remedy="Set the precision to auto or fp32.")
        return manifest
    if precision == "auto" and not has_int8_instructions():
        return manifest
    return replace(manifest, weights_path=path, weights_sha256=manifest.int8_weights_sha256)


def has_int8_instructions() -> bool:
    """Whether the processor multiplies whole numbers exactly and fast (VNNI, AMX, dot product)."""
    try:
        flags = set(CPU_INFO.read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return False
    return bool(flags & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})


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
