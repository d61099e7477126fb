"""Confirmed candidates: the list of hazards and its exports."""
