"""Durable work on the database's own queue: a flight in chunks of photos, then its candidates."""
