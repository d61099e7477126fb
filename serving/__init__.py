"""The service: uploads, the review queue, decisions and the list of hazards."""
