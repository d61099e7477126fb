"""Flights and their photos: upload, receipt, progress, results of detection."""
