"""The review queue: candidates, decisions, events."""
