"""The commands `hazardlens detect` and `hazardlens models`."""
