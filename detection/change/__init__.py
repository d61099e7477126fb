"""What became of buildings between two flights of one place."""
