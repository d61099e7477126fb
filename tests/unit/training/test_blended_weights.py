"""The mean of starting and last weights; in a process of its own, as the trainer always is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
from pathlib import Path
import torch
from detection.domain.errors import ConfigurationError
from training.fitting.mean_weights import average_weights, blend_with_start

def write(name, value, inputs=3):
    network = torch.nn.Linear(inputs, 2)
    torch.nn.init.constant_(network.weight, value)
    torch.save({"model": network.half()}, name)
    return Path(name)

last, start = write("last.pt", 1.0), write("start.pt", 3.0)
path = blend_with_start(last, start, 0.25)
assert path.name == "blended.pt"
weight = torch.load(path, weights_only=False)["model"].weight
assert weight.dtype == torch.float16
assert torch.allclose(weight.float(), torch.full((2, 3), 1.5))
assert torch.load(last, weights_only=False)["model"].weight[0, 0] == 1.0
three = average_weights([(last, 0.5), (start, 0.25), (write("five.pt", 5.0), 0.25)], Path("m.pt"))
mean = torch.load(three, weights_only=False)["model"].weight.float()
assert torch.allclose(mean, torch.full((2, 3), 2.5))
try:
    blend_with_start(last, write("other.pt", 3.0, inputs=4), 0.25)
except ConfigurationError as error:
    assert "other.pt" in str(error)
else:
    sys.exit("a network of another shape was blended")
"""


def test_weights_are_the_mean_by_share_and_other_networks_are_refused(tmp_path: Path) -> None:
    environment = os.environ | {"YOLO_CONFIG_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
