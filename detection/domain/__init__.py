"""The product's nouns as frozen values: standard library and numpy only."""
