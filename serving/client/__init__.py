"""The client of `hazardlens upload`: it speaks HTTP and imports nothing of the server."""
