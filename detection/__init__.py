"""Photos in, candidate hazards out. Imports nothing else of ours."""
