"""Why two flights cannot be compared, each with what to do."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class ChangeError(HazardLensError):
    """Two flights that cannot be compared."""

    code = "change_not_possible"


class TooFewPhotosError(ChangeError):
    """A flight without three photos of one camera that say where they were taken."""

    code = "change_no_positions"

    def __init__(self, flight: str, with_position: int, photos: int) -> None:
        """Say how many photos have a position."""
        super().__init__(
            f"Flight {flight}: only {with_position} of {photos} photos of one camera have a "
            "position and a focal length.",
            remedy="Import the original photos with GPS in their EXIF (messengers and editors "
            "remove it), or the GPS track of the flight.",
        )


class NotJoinedError(ChangeError):
    """Photos that do not show enough of the same to be joined."""

    code = "change_not_joined"

    def __init__(self, flight: str, joined: int, photos: int) -> None:
        """Say how many photos could be joined."""
        super().__init__(
            f"Flight {flight}: only {joined} of {photos} photos could be joined to one surface.",
            remedy="Photos that overlap by 70 % or more are needed: fly parallel lines over the "
            "whole area, and import all photos of the flight.",
        )


class TooFewPointsError(ChangeError):
    """Photos whose surfaces are too plain to be measured."""

    code = "change_too_few_points"

    def __init__(self, flight: str, points: int) -> None:
        """Say how many points were found."""
        super().__init__(
            f"Flight {flight}: its photos share only {points} points; plain roofs seen straight "
            "from above, water or blur give none.",
            remedy="Fly again in even light with sharp photos, lower, and with oblique lines too.",
        )


class NoOverlapError(ChangeError):
    """Two flights over different places."""

    code = "change_no_overlap"

    def __init__(self, distance_m: float) -> None:
        """Say how far apart they are."""
        super().__init__(
            f"The flights do not show the same place: their middles are {distance_m:,.0f} m apart.",
            remedy="Choose an earlier flight over the same place.",
        )


class SmallOverlapError(ChangeError):
    """Two flights that share too little."""

    code = "change_small_overlap"

    def __init__(self, share: float, needed: float) -> None:
        """Say how much is shared and how much is needed."""
        super().__init__(
            f"Only {share:.0%} of the smaller flight lies in the other; {needed:.0%} is needed.",
            remedy="Choose an earlier flight over the same ground, or fly the same area again.",
        )


class NotCoregisteredError(ChangeError):
    """Two surfaces that could not be laid on each other."""

    code = "change_not_coregistered"

    def __init__(self, why: str) -> None:
        """Say what was wrong; ``why`` ends a sentence."""
        super().__init__(
            f"The surfaces of the two flights could not be laid on each other: {why}.",
            remedy="Use flights with more overlap and more unchanged ground, streets and yards, "
            "around the buildings.",
        )


class LayerMovedError(ChangeError):
    """Footprints that do not lie on the buildings that the photos show."""

    code = "change_layer_moved"

    def __init__(self, east_m: float, north_m: float) -> None:
        """Say how far the layer has to be moved."""
        super().__init__(
            "The building layer does not fit what the photos show: it fits best when moved by "
            f"{_toward(east_m, 'east', 'west')} and {_toward(north_m, 'north', 'south')}.",
            remedy="Import the layer again with its right coordinate system (an export from a "
            "web map may be in GCJ-02), or move it by this much in the program that drew it.",
        )


class NoBuildingsError(ChangeError):
    """A layer without a building where the photos were taken."""

    code = "change_no_buildings"

    def __init__(self, buildings: int) -> None:
        """Say how many buildings the layer has."""
        super().__init__(
            f"None of the layer's {buildings} buildings lies where the photos were taken.",
            remedy="Import the building layer of this place, or check its coordinate system.",
        )


def _toward(metres: float, positive: str, negative: str) -> str:
    return f"{abs(metres):.1f} m {positive if metres >= 0 else negative}"
