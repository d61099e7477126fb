"""Whether a building has more storeys than it is permitted, and all that speaks for it."""
