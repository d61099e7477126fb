"""The command ``hazardlens render-flight``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.synthetic.flight import (
    DEMO_HEIGHT_M,
    DEMO_PHOTOS,
    DEMO_SEED,
    DEMO_WIDTH_PX,
)
from training.synthetic.flight import (
    render_flight as render,
)
from training.synthetic.flight_plan import NoiseKind


@click.command("render-flight")
@click.option(
    "--out",
    "out_dir",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write photos and truth into.",
)
@click.option("--seed", default=DEMO_SEED, show_default=True, help="Same seed, same bytes.")
@click.option("--photos", default=DEMO_PHOTOS, show_default=True, help="How many photos.")
@click.option("--width", "width_px", default=DEMO_WIDTH_PX, show_default=True, help="Pixels, 4:3.")
@click.option(
    "--height",
    "height_m",
    default=DEMO_HEIGHT_M,
    show_default=True,
    help="Height of the nadir strip above the street, metres.",
)
@click.option(
    "--noise",
    default=NoiseKind.GPS.value,
    show_default=True,
    type=click.Choice([kind.value for kind in NoiseKind]),
    help="How far the written poses are off: not at all, as plain GPS, as RTK.",
)
@click.option("--covers", default=14, show_default=True, help="Manhole covers in the street.")
@click.option("--cracks", default=4, show_default=True, help="Cracks in the fronts.")
def render_flight(
    *,
    out_dir: Path,
    seed: int,
    photos: int,
    width_px: int,
    height_m: float,
    noise: str,
    covers: int,
    cracks: int,
) -> None:
    """Render a drone flight over a made-up street, with the exact truth beside the photos.

    Writes JPEG photos with EXIF and XMP, truth.geojson (every cover, crack and added storey with
    its place and its boxes), truth_poses.json (exact camera poses) and buildings.geojson.
    """
    console = Console(stderr=True)
    columns = (TextColumn("Rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("render", total=photos)
        flight = render(
            out_dir,
            seed=seed,
            photos=photos,
            width_px=width_px,
            height_m=height_m,
            noise=NoiseKind(noise),
            covers=covers,
            cracks=cracks,
            on_photo=lambda done, _: progress.update(task, completed=done),
        )
    counts = ", ".join(f"{count} {key}" for key, count in sorted(flight.counts.items()))
    click.echo(
        f"{len(flight.photos)} photos ({flight.total_bytes / 1e6:.1f} MB) in {flight.folder}"
    )
    click.echo(f"In them: {counts or 'nothing labelled'}. Truth: {flight.folder / 'truth.geojson'}")
