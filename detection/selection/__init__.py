"""What to label next: under a budget, the photos or things that would teach a model the most."""

from detection.selection.example import Example, Pick, SelectionSettings
from detection.selection.greedy import select_examples

__all__ = ["Example", "Pick", "SelectionSettings", "select_examples"]
