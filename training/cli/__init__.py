"""Commands of the training room, one module a group."""
