"""A configuration to weights: the run folder, the trainer in its own process, its progress."""
