"""What can be wrong with labelled data, each by a name of its own."""

from __future__ import annotations

from detection.domain.errors import InvalidInputError


class CorruptImageError(InvalidInputError):
    """A photo that cannot be decoded to its end."""

    code = "corrupt_image"


class TurnedPhotoError(InvalidInputError):
    """A photo that is shown turned, so that nobody can tell what its labels count from."""

    code = "turned_photo"


class MalformedLabelError(InvalidInputError):
    """A label file or line that is not of its format."""

    code = "malformed_label"


class UnknownClassError(InvalidInputError):
    """A class that the taxonomy, or the class map of the set, does not name."""

    code = "unknown_class"


class LabelOutsideError(InvalidInputError):
    """A label that lies outside its photo."""

    code = "label_outside_photo"


class MixedLabelsError(InvalidInputError):
    """Boxes and polygons where only one of them can be used."""

    code = "mixed_labels"


class ClassConflictError(InvalidInputError):
    """Two classes for one box."""

    code = "two_classes_one_box"


class ZeroAreaError(InvalidInputError):
    """A box or polygon without an area."""

    code = "zero_area"


class MissingLabelsError(InvalidInputError):
    """Photos that nobody labelled, which are not the same as photos that show nothing."""

    code = "missing_labels"


class MissingSplitError(InvalidInputError):
    """A side of the split that does not exist or is empty."""

    code = "missing_split"


class LeakError(InvalidInputError):
    """Photos of one place on both sides of the split."""

    code = "leak"


class DamagedVersionError(InvalidInputError):
    """A version folder that is not what its name says."""

    code = "damaged_version"


class NoDecisionsError(InvalidInputError):
    """Folders of decisions from which nothing can be learnt."""

    code = "no_decisions"


class DamagedDecisionsError(InvalidInputError):
    """A folder of decisions whose list cannot be read, or whose photos are not those it names."""

    code = "damaged_decisions"


class DecisionsSchemaError(InvalidInputError):
    """A list of decisions that is written in another form than this version reads."""

    code = "decisions_schema"


class MissingPhotoError(InvalidInputError):
    """A photo that a list of decisions names and that does not lie there."""

    code = "missing_photo"
