"""Look a data set over: leaks across the split, labels that cannot be right, files that changed.

Unlike a loader, an audit does not stop at the first trouble: each photo is read for itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.domain.errors import HazardLensError, InvalidInputError
from detection.domain.hazard import HazardClass
from training.data import manifest
from training.data.annotation import AnnotatedPhoto
from training.data.corrections import Correction, apply_corrections
from training.data.errors import ZeroAreaError
from training.data.findings import AuditReport, Finding, make_finding
from training.data.following import follow
from training.data.label_checks import find_same_boxes, is_thin
from training.data.licences import LicenceFilter, keep_licensed
from training.data.manifest import ManifestRow
from training.data.near_duplicates import NearDuplicate, find_near_duplicates
from training.data.overlaps import Overlap, find_overlaps
from training.data.pixels import check_decodable
from training.data.yolo_export import read_yolo_labels


@dataclass(frozen=True, slots=True)
class AuditedSet:
    """A set as an audit takes it: photos without labels, and what else is said of it.

    ``manifest`` is what the files should be (empty: nothing is known), ``waived`` the sites that
    are known to be on both sides, with the reason.
    """

    name: str
    photos: tuple[AnnotatedPhoto, ...]
    images: Path
    labels: Path
    classes: Mapping[int, HazardClass]
    manifest: tuple[ManifestRow, ...] = ()
    corrections: tuple[Correction, ...] = ()
    waived: Mapping[str, str] | None = None

    def with_licence(self, licence: LicenceFilter) -> AuditedSet:
        """Return the set without the photos that a filter by licence leaves out."""
        kept = tuple(keep_licensed(self.photos, licence))
        names = {photo.name for photo in kept}
        return replace(
            self,
            photos=kept,
            manifest=tuple(row for row in self.manifest if row["photo"] in names),
            corrections=tuple(row for row in self.corrections if row.photo in names),
        )

    def label(self, photo: AnnotatedPhoto) -> AnnotatedPhoto:
        """Return a photo with its labels, or as it is where they cannot be read."""
        if not photo.width_px:
            return photo
        path = self.labels / f"{photo.path.stem}.txt"
        try:
            found = read_yolo_labels(path, self.classes, photo.width_px, photo.height_px)
        except InvalidInputError:
            return photo
        return replace(photo, annotations=found)


def audit_set(audited: AuditedSet, *, look_for_overlaps: bool) -> AuditReport:
    """Return everything that is wrong with a set.

    Args:
        audited: the set.
        look_for_overlaps: also compare details of val photos with those of all training photos,
            which finds two photos of one scene; about 20 s for 1,400 small photos.
    """
    findings: list[Finding] = list(_find_changed(audited))
    readable = []
    for photo in follow(audited.photos, "Reading photos"):
        troubles, read = _read_photo(photo, audited)
        findings += troubles
        readable += read
    names = {photo.name for photo in readable}
    used = apply_corrections(readable, [c for c in audited.corrections if c.photo in names])
    for photo in used:
        findings += _check_labels(photo)
    findings += find_leaks(used, audited.waived or {})
    findings += [_finding_from_pair(pair) for pair in find_near_duplicates(used)]
    if look_for_overlaps:
        findings += [_finding_from_overlap(overlap) for overlap in find_overlaps(used)]
    findings += _check_sides(used, audited.classes)
    findings += [
        make_finding("doubtful_label", row.why, (row.photo,))
        for row in audited.corrections
        if row.what == "doubtful"
    ]
    return AuditReport(
        name=audited.name,
        photos=len(audited.photos),
        findings=tuple(findings),
        licences=Counter((p.origin.source, p.origin.licence, p.origin.permissive) for p in used),
        corrections=Counter(row.what for row in audited.corrections),
    )


def _find_changed(audited: AuditedSet) -> Iterator[Finding]:
    if audited.manifest:
        for name in manifest.find_changed(audited.manifest, audited.images, audited.labels):
            yield make_finding("changed_file", "Image or labels are not what they were.", (name,))
        sides = {photo.name: photo.split for photo in audited.photos}
        said = {row["photo"]: row["split"] for row in audited.manifest}
        for name in sorted({name for name, _ in set(sides.items()) ^ set(said.items())}):
            yield make_finding("changed_file", "Manifest and split lists disagree.", (name,))


def _read_photo(
    photo: AnnotatedPhoto, audited: AuditedSet
) -> tuple[list[Finding], list[AnnotatedPhoto]]:
    """Return what keeps a photo from being read, and the photo with its labels where possible."""
    label = audited.labels / f"{photo.path.stem}.txt"
    findings = []
    if not label.is_file():
        message = "No label file: nobody labelled it, or it is a negative without one."
        findings.append(make_finding("missing_labels", message, (photo.name,)))
    try:
        size_px = check_decodable(photo.path)
        annotations = read_yolo_labels(label, audited.classes, *size_px)
    except InvalidInputError as error:
        return [*findings, make_finding(error.code, error.message, (photo.name,))], []
    width_px, height_px = size_px
    read = replace(photo, annotations=annotations, width_px=width_px, height_px=height_px)
    return findings, [read]


def _check_labels(photo: AnnotatedPhoto) -> Iterator[Finding]:
    for item in photo.annotations:
        if is_thin(item):
            yield make_finding(ZeroAreaError.code, f"{item.hazard_class.value}.", (photo.name,))
    for first, _ in find_same_boxes(photo.annotations):
        message = f"{first.hazard_class.value} is boxed twice."
        yield make_finding("duplicate_label", message, (photo.name,))


def find_leaks(photos: Iterable[AnnotatedPhoto], waived: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each group, flight and site that lies on two sides of the split."""
    keys: dict[str, Callable[[AnnotatedPhoto], str]] = {
        "leak_group": lambda photo: photo.group,
        "leak_flight": lambda photo: photo.origin.flight,
        "leak_site": lambda photo: photo.origin.site,
    }
    photos = list(photos)
    for code, key_of in keys.items():
        sides: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for photo in photos:
            if key_of(photo):
                sides[key_of(photo)][photo.split].append(photo.name)
        for key, by_side in sides.items():
            if len(by_side) > 1:
                yield _leak(code, key, by_side, waived)


def _leak(
    code: str, key: str, by_side: Mapping[str, Sequence[str]], waived: Mapping[str, str]
) -> Finding:
    counts = ", ".join(f"{len(names)} in {side}" for side, names in sorted(by_side.items()))
    photos = tuple(names[0] for names in by_side.values())
    message = f"{code.removeprefix('leak_')} {key}: {counts}."
    if code == "leak_site" and key in waived:
        return Finding("known_site", "warning", f"{message} Known: {waived[key]}", photos)
    return make_finding(code, message, photos)


def _finding_from_pair(pair: NearDuplicate) -> Finding:
    across = pair.first.split != pair.second.split
    code = "leak_near_duplicate" if across else "near_duplicate"
    message = (
        f"The same picture, {pair.distance} of 256 bits apart ({pair.first.split}, "
        f"{pair.second.split})."
    )
    if pair.first.is_negative != pair.second.is_negative:
        message += " One has labels, the other none."
    return make_finding(code, message, (pair.first.name, pair.second.name))


def _finding_from_overlap(overlap: Overlap) -> Finding:
    message = (
        f"{overlap.inliers} details of a {overlap.first.split} photo lie in a "
        f"{overlap.second.split} photo in the same order: one scene, or one watermark. Look."
    )
    return make_finding("same_scene", message, (overlap.first.name, overlap.second.name))


def _check_sides(
    photos: Sequence[AnnotatedPhoto], classes: Mapping[int, HazardClass]
) -> Iterator[Finding]:
    sides = sorted({photo.split for photo in photos})
    if sides != ["train"]:
        for side in {"train", "val"} - set(sides):
            yield make_finding("missing_split", f"No photo is in {side}.")
    for side in sides:
        of_side = [photo for photo in photos if photo.split == side]
        shown = {item.hazard_class for photo in of_side for item in photo.annotations}
        for hazard_class in classes.values():
            if hazard_class not in shown:
                yield make_finding("empty_class", f"{hazard_class.value} has no label in {side}.")
        if not any(photo.is_negative for photo in of_side):
            yield make_finding("no_negatives", f"{side} has no photo without a label.")


def check_report(report: AuditReport) -> None:
    """Refuse a set whose audit failed.

    Raises:
        AuditFailedError: it has failures.
    """
    if report.failures:
        message = f"{report.name} has {report.failures} failures."
        raise AuditFailedError(message, remedy="Mend them, or drop the training side of a leak.")


class AuditFailedError(HazardLensError):
    """A data set with failures in its audit."""

    code = "audit_failed"
    exit_code = 4
