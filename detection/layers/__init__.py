"""Imported layers: buildings, administrative areas and cover inventories, in EPSG:4326."""
