"""Label Studio as the drawing board: tasks out, drawn labels back, nothing doubled or lost."""
