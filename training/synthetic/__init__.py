"""Rendered street scenes, flights and training photos with exact truth."""
