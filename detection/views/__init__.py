"""Which photos of a flight are looked at: enough good views of all ground, not all of them."""

from detection.views.choice import ViewChoice, choose_views

__all__ = ["ViewChoice", "choose_views"]
