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
from training.synthetic.noise import NoiseKind, choose_noise
from training.synthetic.village.pair import PAIR_PHOTOS, render_pair

DEVIATION = click.FloatRange(min=0)


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
    help="Height of the nadir strip or of the block above the street, metres.",
)
@click.option(
    "--pitch",
    "pitch_deg",
    type=float,
    help="Fly a block of lines with the gimbal at this angle, -90 (down) to -15.",
)
@click.option(
    "--overlap",
    type=float,
    help="Fly a block of lines with this overlap along and across, 0 to 0.95 (0.8 with --pitch).",
)
@click.option(
    "--noise",
    default=NoiseKind.GPS.value,
    show_default=True,
    type=click.Choice([kind.value for kind in NoiseKind]),
    help="How far the written poses are off: not at all, as plain GPS, as RTK.",
)
@click.option("--gps-std-m", type=DEVIATION, help="Error of position per axis, metres.")
@click.option("--height-std-m", type=DEVIATION, help="Error of height, metres.")
@click.option("--gimbal-std-deg", type=DEVIATION, help="Error of pitch and lean, degrees.")
@click.option("--yaw-std-deg", type=DEVIATION, help="Error of yaw, degrees.")
@click.option("--covers", default=14, show_default=True, help="Manhole covers in the street.")
@click.option("--cracks", default=4, show_default=True, help="Cracks in the fronts.")
@click.option(
    "--pair",
    "is_pair",
    is_flag=True,
    help="Two flights over one village of self-built houses, with what changed between them; of "
    "the other options only --seed counts.",
)
@click.option(
    "--poses-only",
    is_flag=True,
    help="Grey photos with full metadata over open ground of any size; no street, no cracks.",
)
def render_flight(
    *,
    out_dir: Path,
    seed: int,
    photos: int,
    width_px: int,
    height_m: float,
    pitch_deg: float | None,
    overlap: float | None,
    noise: str,
    gps_std_m: float | None,
    height_std_m: float | None,
    gimbal_std_deg: float | None,
    yaw_std_deg: float | None,
    covers: int,
    cracks: int,
    is_pair: bool,
    poses_only: bool,
) -> None:
    """Render a drone flight over a made-up street, with the exact truth beside the photos.

    Writes JPEG photos with EXIF and XMP, truth.geojson (every cover, crack and added storey with
    its place and its boxes), truth_poses.json (exact camera poses), written_poses.json (the same
    with the noise that the photos' metadata hold) and buildings.geojson. With --pair: the folders
    base and new, buildings.geojson, register.csv, exact heights of both days and truth.json.
    """
    if is_pair:
        _render_village(out_dir, seed)
        return
    with _show_progress() as progress:
        task = progress.add_task("render", total=photos)
        flight = render(
            out_dir,
            seed=seed,
            photos=photos,
            width_px=width_px,
            height_m=height_m,
            pitch_deg=pitch_deg,
            overlap=overlap,
            noise=choose_noise(
                NoiseKind(noise),
                gps_std_m=gps_std_m,
                height_std_m=height_std_m,
                gimbal_std_deg=gimbal_std_deg,
                yaw_std_deg=yaw_std_deg,
            ),
            covers=covers,
            cracks=cracks,
            poses_only=poses_only,
            on_photo=lambda done, _: progress.update(task, completed=done),
        )
    counts = ", ".join(f"{count} {key}" for key, count in sorted(flight.counts.items()))
    click.echo(
        f"{len(flight.photos)} photos ({flight.total_bytes / 1e6:.1f} MB) in {flight.folder}"
    )
    click.echo(f"In them: {counts or 'nothing labelled'}. Truth: {flight.folder / 'truth.geojson'}")


def _render_village(out_dir: Path, seed: int) -> None:
    with _show_progress() as progress:
        task = progress.add_task("render", total=2 * PAIR_PHOTOS)
        pair = render_pair(out_dir, seed=seed, on_photo=lambda: progress.advance(task))
    base, new = pair.photos
    click.echo(f"{base} and {new} photos of {pair.buildings} houses in {pair.folder}")
    click.echo(f"What became of them: {pair.folder / 'truth.json'}")


def _show_progress() -> Progress:
    columns = (TextColumn("Rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
