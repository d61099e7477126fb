"""Second looks by people who do not know the first verdict, and checks of known truth."""
