"""Figures of speed, as ratios taken in one run: `make bench`. Never part of `make test`."""
