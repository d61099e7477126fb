"""How our processes log: to the console, each under its name."""

from __future__ import annotations

import logging


def configure_logging(name: str) -> None:
    """Log to the console under the name of the process."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name} %(levelname)s %(message)s")
    # These tell every step; what matters is told by us.
    for noisy in ("procrastinate", "alembic", "pyvips"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
