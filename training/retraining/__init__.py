"""One command from decisions to a candidate for promotion, with its report."""
