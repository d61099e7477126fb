"""The commands of the service, each imported only when it is called.

The parent process of ``serve`` stays small that way, and is up while the others still import.
"""

from __future__ import annotations

import importlib

import click

_MODULES = {
    "serve": "serving.cli.serve_command",
    "worker": "serving.cli.worker_command",
    "upload": "serving.cli.upload_command",
    "watch": "serving.cli.watch_command",
    "user": "serving.cli.user_commands",
    "audit": "serving.cli.audit_commands",
    "decisions": "serving.cli.decisions_commands",
    "suspects": "serving.cli.suspects_commands",
    "labels": "serving.cli.labels_commands",
}


def __getattr__(name: str) -> click.Command:
    """Return the command of this name from its module."""
    if name not in _MODULES:
        message = f"serving.cli has no command {name}"
        raise AttributeError(message)
    command = getattr(importlib.import_module(_MODULES[name]), name)
    if not isinstance(command, click.Command):
        message = f"{name} is not a command"
        raise TypeError(message)
    return command
