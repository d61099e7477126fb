"""People who sign in: roles, passwords, session tokens."""
