"""Things side by side: the detections of a photo are assigned together, photo after photo."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.dedupe.evidence import Evidence
from detection.dedupe.pairs import CHI2_999_2D, Indices
from detection.domain.geometry import FloatArray

SWEEPS = 4
_REFUSED = 1e9
_LEAST_HEIGHT_STD_M = 1e-3


class Things:
    """Detections that hang together, and the things that they are assigned to.

    A thing is the sum of the information of its sightings on three coordinates (east, north,
    height above what its class is assumed to have).
    """

    def __init__(
        self, evidence: Evidence, members: Indices, foes: Mapping[int, Collection[int]]
    ) -> None:
        """Take the detections ``members``; ``foes`` are those that a person parted from each."""
        self._evidence = evidence
        self._members = members
        rows = {int(member): row for row, member in enumerate(members)}
        self._foes = {
            row: [rows[foe] for foe in sorted(foes[member]) if foe in rows]
            for member, row in rows.items()
            if member in foes
        }
        self._information, self._pull = evidence.inform(members)
        std_m = max(float(evidence.height_std_m[members].max()), _LEAST_HEIGHT_STD_M)
        self._prior = np.diag([0.0, 0.0, std_m**-2])
        self._label = np.full(len(members), -1)
        self._free = list(range(len(members) - 1, -1, -1))
        self._used = 0
        self._sizes = np.zeros(len(members), dtype=np.intp)
        self._sums = np.zeros((len(members), 3, 4))
        self._means = np.zeros((len(members), 3))
        self._covariances = np.zeros((len(members), 3, 3))

    def assign(self) -> Indices:
        """Return the number of the thing of each member."""
        photos = self._order_photos()
        for sweep in range(SWEEPS):
            before = self._label.copy()
            for rows in photos:
                if sweep:
                    self._take_out(rows)
                self._assign_photo(rows)
            if sweep and _are_alike(before, self._label):
                break
        self._join()
        return self._label

    def _order_photos(self) -> list[Indices]:
        """Return the rows of each photo: most sightings first, then the best placed."""
        photo = self._evidence.photo[self._members]
        traces = np.trace(self._evidence.covariance[self._members], axis1=1, axis2=2)
        order = np.argsort(photo, kind="stable")
        rows = np.split(order, np.flatnonzero(np.diff(photo[order])) + 1)
        return sorted(rows, key=lambda r: (-len(r), float(traces[r].min()), int(photo[r[0]])))

    def _assign_photo(self, rows: Indices) -> None:
        """Add each detection of one photo to its thing, or to a new one."""
        near = self._find_near(rows)
        squared = self._square_distances(rows, near)
        # A new thing costs what the gate allows. Were it dearer, a false alarm beside a thing
        # would push the true sighting on to the next.
        alone = np.full((len(rows), len(rows)), CHI2_999_2D)
        chosen = {
            int(row): int(near[column])
            for row, column in zip(*linear_sum_assignment(np.hstack([squared, alone])), strict=True)
            if column < len(near)
        }
        for index, row in enumerate(rows.tolist()):
            self._add(row, chosen[index] if index in chosen else self._free.pop())

    def _take_out(self, rows: Indices) -> None:
        for row in rows.tolist():
            label = int(self._label[row])
            self._label[row] = -1
            self._change(row, label, -1)
            if not self._sizes[label]:
                self._free.append(label)

    def _add(self, row: int, label: int) -> None:
        self._label[row] = label
        self._used = max(self._used, label + 1)
        self._change(row, label, 1)

    def _change(self, row: int, label: int, sign: int) -> None:
        """Add what the detection says to a thing (1) or take it away (-1)."""
        self._sizes[label] += sign
        self._sums[label, :, :3] += sign * self._information[row]
        self._sums[label, :, 3] += sign * self._pull[row]
        if not self._sizes[label]:
            self._sums[label] = 0.0  # not what rounding left
            return
        covariance = np.linalg.inv(self._sums[label, :, :3] + self._prior)
        self._covariances[label] = covariance
        self._means[label] = covariance @ self._sums[label, :, 3]

    def _find_near(self, rows: Indices) -> Indices:
        """Return the things that any of the detections may reach (a superset)."""
        evidence, members = self._evidence, self._members[rows]
        places, slopes = evidence.place_m[members], evidence.slope[members]
        means, covariances = self._means[: self._used], self._covariances[: self._used]
        steepest = float(np.abs(slopes).max())
        lean = (1 + steepest) ** 2 * np.trace(covariances, axis1=1, axis2=2)
        own = np.trace(evidence.covariance[members], axis1=1, axis2=2).max()
        reach = np.sqrt(CHI2_999_2D * (own + lean)) + steepest * np.abs(means[:, 2])
        inside = (means[:, :2] >= places.min(axis=0) - reach[:, None]) & (
            means[:, :2] <= places.max(axis=0) + reach[:, None]
        )
        return np.flatnonzero(inside.all(axis=1) & (self._sizes[: self._used] > 0))

    def _square_distances(self, rows: Indices, near: Indices) -> FloatArray:
        """Squared Mahalanobis distances (rows, near); refused beyond the gate."""
        evidence, members = self._evidence, self._members[rows]
        columns = np.zeros((len(rows), 1, 2, 3))
        columns[:, 0, 0, 0] = columns[:, 0, 1, 1] = 1.0
        columns[:, 0, :, 2] = evidence.slope[members]
        shown = np.matmul(columns, self._means[near][None, :, :, None])[..., 0]
        spread = np.matmul(columns, self._covariances[near][None])
        spread = np.matmul(spread, columns.transpose(0, 1, 3, 2))
        spread += evidence.covariance[members][:, None]
        difference = evidence.place_m[members][:, None] - shown
        x, y = difference[..., 0], difference[..., 1]
        a, b, d = spread[..., 0, 0], spread[..., 0, 1], spread[..., 1, 1]
        squared = (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
        squared += self._square_on_building(rows, near)
        for index, row in enumerate(rows.tolist()):
            for foe in self._foes.get(row, ()):
                squared[index, near == self._label[foe]] = np.inf
        return np.asarray(np.where(squared <= CHI2_999_2D, squared, _REFUSED))

    def _square_on_building(self, rows: Indices, near: Indices) -> FloatArray:
        """What building and height on it add (rows, near): the most of any sighting."""
        added = np.zeros((len(rows), len(near)))
        if not self._evidence.on_building[self._members].any():
            return added
        for column, label in enumerate(near.tolist()):
            held = self._members[self._label == label]
            for index, member in enumerate(self._members[rows].tolist()):
                one = np.full(len(held), member)
                added[index, column] = self._evidence.square_on_building(one, held).max()
        return added

    def _join(self) -> None:
        """Join things that no photo shows both of and that lie within the gate of each other."""
        photo = self._evidence.photo[self._members]
        rows_of = {int(label): np.flatnonzero(self._label == label) for label in set(self._label)}
        photos = {label: set(photo[rows].tolist()) for label, rows in rows_of.items()}
        nearest: list[tuple[float, int, int]] = []
        for label, rows in rows_of.items():
            near = self._find_near(rows)
            worst = self._square_distances(rows, near).max(axis=0)
            nearest += [
                (float(squared), label, int(other))
                for squared, other in zip(worst, near, strict=True)
                if squared < _REFUSED and not photos[label] & photos[int(other)]
            ]
        for _, label, other in sorted(nearest):
            if label not in rows_of or other not in rows_of or photos[label] & photos[other]:
                continue
            if self._square_distances(rows_of[label], np.array([other])).max() >= _REFUSED:
                continue
            self._take_out(rows_of[label])
            for row in rows_of[label].tolist():
                self._add(row, other)
            rows_of[other] = np.concatenate([rows_of[other], rows_of.pop(label)])
            photos[other] |= photos.pop(label)


def _are_alike(one: Indices, two: Indices) -> bool:
    """Whether two numberings make the same groups."""
    both = np.unique(np.column_stack([one, two]), axis=0)
    return len(both) == len(np.unique(one)) == len(np.unique(two))
