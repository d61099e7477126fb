"""How decisions become better models: what goes out to training and what comes back."""
