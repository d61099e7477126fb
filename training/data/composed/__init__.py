"""Training photos composed of others: covers on other ground, close-ups made small, bad weather."""
