"""One database everywhere: PostgreSQL, embedded from a wheel or the customer's own."""
