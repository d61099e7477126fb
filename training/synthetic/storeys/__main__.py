"""``python -m training.synthetic.storeys``: photos and labels of seeds into a folder.

Run by a Python that has Blender as a module (``requirements/blender.txt``); nothing else needs it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.synthetic.storeys.grounds import list_grounds
from training.synthetic.storeys.render import render_seeds


def main() -> None:
    """Render the seeds that were asked for; what lies there already is left alone."""
    parser = argparse.ArgumentParser(prog="python -m training.synthetic.storeys")
    parser.add_argument("--out", type=Path, required=True, help="folder for images/ and labels/")
    parser.add_argument("--wardrobe", choices=("train", "held_out"), required=True)
    parser.add_argument("--first-seed", type=int, required=True)
    parser.add_argument("--scenes", type=int, required=True)
    parser.add_argument("--photos", type=int, default=5, help="photos of each scene")
    parser.add_argument("--size", type=int, default=448, help="side of a photo in pixels")
    parser.add_argument("--samples", type=int, default=2, help="paths of light per pixel")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--ground", nargs="*", default=[], metavar="FOLDER[:N]", help="photos laid under houses"
    )
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.scenes)
    render_seeds(
        given.out,
        seeds,
        wardrobe=given.wardrobe,
        photos=given.photos,
        size_px=given.size,
        samples=given.samples,
        threads=given.threads,
        grounds=list_grounds(given.ground),
    )


if __name__ == "__main__":
    main()
