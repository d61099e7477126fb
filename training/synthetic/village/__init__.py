"""Two flights over one village of self-built houses, with the exact truth of what changed."""
