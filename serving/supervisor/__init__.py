"""``hazardlens serve``: one parent that keeps database, HTTP process and workers running."""
