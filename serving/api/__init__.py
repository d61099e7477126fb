"""The HTTP interface: one router per noun, problem+json for every error."""
