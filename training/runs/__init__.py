"""Run folders compared: lists, curves, export."""
