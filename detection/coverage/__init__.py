"""What a flight covered: footprints, what was not seen well enough, and the re-fly list."""
