"""Data sets: read from the catalogue, hashed, split by group, written for the trainer."""
