"""``gallery.html``: figures, curves and every mistake of a model on one page that opens offline."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from detection.detectors.manifest import ModelManifest
from detection.domain.errors import InvalidInputError
from detection.report.content import CLASS_COLORS
from detection.report.files import prepare_folder
from detection.report.messages import Text
from detection.taxonomy import load_taxonomy
from training.data.pixels import read_pixels
from training.evaluation.answers import PhotoAnswer
from training.evaluation.mistake_crops import FOUND_COLOR, TRUTH_COLOR, draw_mistake
from training.evaluation.mistakes import Mistake, MistakeKind, list_mistakes
from training.evaluation.plots import draw_plots
from training.evaluation.results import Evaluation
from training.evaluation.slices import NOT_STATED

PAGE_NAME = "gallery.html"
TEMPLATE_NAME = "gallery.html.j2"
TEXTS_PATH = Path(__file__).with_name("gallery.yaml")
CROPS_NAME = "crops"
MAX_PER_CLASS_AND_KIND = 200
"""More mistakes of one class and kind than this are counted, not drawn."""


@dataclass(frozen=True, slots=True)
class GallerySubject:
    """What the page is about: a model, and its answers on a set of photos of a name."""

    manifest: ModelManifest
    photos_name: str
    answers: Sequence[PhotoAnswer]


@dataclass(frozen=True, slots=True)
class MistakeView:
    """One drawn mistake."""

    mistake: Mistake
    crop: str


@cache
def load_texts() -> dict[str, Text]:
    """Return the page's texts in both languages."""
    document = yaml.safe_load(TEXTS_PATH.read_text(encoding="utf-8"))
    return {key: Text(**row) for key, row in document.items()}


def write_gallery(out_dir: Path, subject: GallerySubject, evaluation: Evaluation) -> Path:
    """Write page, curves and crops and return the path of the page.

    Everything is made beside the folder and moved there at the end, the page last; an earlier
    page of ours is replaced, other files stay.

    Raises:
        InvalidInputError: the folder holds something else, or cannot be written.
    """
    check_page_folder(out_dir)
    target = out_dir.resolve()
    prepare_folder(target.parent)
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _fill_folder(part, subject, evaluation)
        target.mkdir(exist_ok=True)
        (target / PAGE_NAME).unlink(missing_ok=True)
        shutil.rmtree(target / CROPS_NAME, ignore_errors=True)
        for path in sorted(part.iterdir(), key=lambda path: path.name == PAGE_NAME):
            path.replace(target / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target / PAGE_NAME


def check_page_folder(out_dir: Path) -> None:
    """Refuse a folder that holds something else than an earlier page of ours.

    Raises:
        InvalidInputError: it does.
    """
    if out_dir.is_dir() and any(out_dir.iterdir()) and not (out_dir / PAGE_NAME).is_file():
        message = f"The folder {out_dir} holds other files."
        raise InvalidInputError(message, remedy="Give a new or an empty folder with --html.")


def _fill_folder(folder: Path, subject: GallerySubject, evaluation: Evaluation) -> None:
    (folder / CROPS_NAME).mkdir(parents=True)
    for name, data in draw_plots(evaluation).items():
        (folder / name).write_bytes(data)
    thresholds = {item.hazard_class: item.threshold for item in evaluation.figures}
    mistakes = list_mistakes(subject.answers, subject.manifest, thresholds)
    views = _draw_all(folder, _choose(mistakes))
    page = _render(subject, evaluation, views, len(mistakes))
    (folder / PAGE_NAME).write_text(page, encoding="utf-8")


def _choose(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Return the first mistakes of each class and kind."""
    seen: Counter[tuple[str, MistakeKind]] = Counter()
    chosen = []
    for mistake in mistakes:
        place = mistake.hazard_class, mistake.kind
        seen[place] += 1
        if seen[place] <= MAX_PER_CLASS_AND_KIND:
            chosen.append(mistake)
    return chosen


def _draw_all(folder: Path, mistakes: Sequence[Mistake]) -> list[MistakeView]:
    """Draw the mistakes photo by photo, each decoded once; returned in their order."""
    names = {}
    by_photo = sorted(enumerate(mistakes), key=lambda pair: pair[1].answer.photo.name)
    path, pixels = None, None
    for number, mistake in by_photo:
        photo = mistake.answer.photo
        if pixels is None or path != photo.path:
            path, pixels = photo.path, read_pixels(photo.path)
        names[number] = f"{CROPS_NAME}/{number + 1:04d}.jpg"
        (folder / names[number]).write_bytes(draw_mistake(pixels, mistake))
    return [MistakeView(mistake, names[number]) for number, mistake in enumerate(mistakes)]


def _render(
    subject: GallerySubject, evaluation: Evaluation, views: Sequence[MistakeView], mistakes: int
) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    counts = Counter((view.mistake.hazard_class.value, view.mistake.kind.value) for view in views)
    return environment.get_template(TEMPLATE_NAME).render(
        page=load_texts(),
        taxonomy=load_taxonomy(),
        colors=CLASS_COLORS,
        truth_color=TRUTH_COLOR,
        found_color=FOUND_COLOR,
        manifest=subject.manifest,
        photos_name=subject.photos_name,
        evaluation=evaluation,
        not_stated=NOT_STATED,
        views=views,
        left_out=mistakes - len(views),
        kinds=list(MistakeKind),
        kind_counts=Counter(view.mistake.kind.value for view in views),
        class_counts=Counter(key for (key, _), count in counts.items() for _ in range(count)),
    )
