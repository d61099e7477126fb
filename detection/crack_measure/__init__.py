"""Length and width of a crack: in pixels from outline and photo, in millimetres by scale."""

from detection.crack_measure.scale import MIN_WIDTH_PX, measure_crack
from detection.crack_measure.shape import add_shape, measure_outline, measure_shape

__all__ = ["MIN_WIDTH_PX", "add_shape", "measure_crack", "measure_outline", "measure_shape"]
