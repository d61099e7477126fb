"""A trained run to a model in force: measured, gated, signed, and back again."""
