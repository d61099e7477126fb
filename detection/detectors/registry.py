"""A manifest and the name of a runtime to a loaded detector."""

from __future__ import annotations

import importlib
from typing import Final

from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest, verify_file, verify_weights
from detection.domain.errors import ConfigurationError, ModelError

# module, class, name of the option that bounds its parallel work
ADAPTERS: Final[dict[str, tuple[str, str, str]]] = {
    "openvino": ("detection.detectors.openvino", "OpenVinoDetector", "streams"),
    "onnx": ("detection.detectors.onnx", "OnnxDetector", "threads"),
    "torch": ("detection.detectors.torch_yolo", "TorchYoloDetector", "threads"),
}


def load_detector(
    manifest: ModelManifest, *, runtime: str = "openvino", streams: int = 0
) -> Detector:
    """Verify the weights and load them in the chosen runtime, importing only that one.

    ``streams`` bounds how much runs at once (tiles for OpenVINO, threads elsewhere); 0 takes
    what the machine has.

    Raises:
        ConfigurationError: the runtime is unknown or not installed.
        ModelError: the weights are missing, changed, or not made for this runtime.
    """
    if runtime not in ADAPTERS:
        message = f"There is no runtime named {runtime}."
        raise ConfigurationError(message, remedy=f"Choose one of {', '.join(ADAPTERS)}.")
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
    verify_weights(manifest)
