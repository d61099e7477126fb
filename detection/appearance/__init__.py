"""What things look like: vectors from the detector's own neck."""

from detection.appearance.describer import Describer, UndescribableModelError, vector_to_bytes

__all__ = ["Describer", "UndescribableModelError", "vector_to_bytes"]
