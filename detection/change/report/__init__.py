"""What `hazardlens change` and `hazardlens storeys` write: files, pictures and a page."""
