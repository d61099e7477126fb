"""The front door: one command `hazardlens`; each subcommand is imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import ClassVar

import click

from detection.domain.errors import INTERRUPTED, HazardLensError


class LazyCommands(click.Group):
    """A command group that names where each subcommand lives and imports it on first use."""

    locations: ClassVar[dict[str, str]] = {
        "detect": "detection.cli.detect:detect",
        "refine": "detection.cli.refine:refine",
        "coverage": "detection.cli.coverage:coverage",
        "change": "detection.cli.change:change",
        "storeys": "detection.cli.storeys:storeys",
        "models": "detection.cli.models:models",
        "render-flight": "training.synthetic.cli:render_flight",
        "data": "training.cli.data:data",
        "train": "training.cli.train:train",
        "retrain": "training.cli.retrain:retrain",
        "runs": "training.cli.runs:runs",
        "evaluate": "training.cli.evaluate:evaluate",
        "promote": "training.cli.promote:promote",
        "rollback": "training.cli.rollback:rollback",
        "serve": "serving.cli:serve",
        "worker": "serving.cli:worker",
        "upload": "serving.cli:upload",
        "watch": "serving.cli:watch",
        "user": "serving.cli:user",
        "audit": "serving.cli:audit",
        "decisions": "serving.cli:decisions",
        "suspects": "serving.cli:suspects",
        "labels": "serving.cli:labels",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self.locations)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the room that owns ``cmd_name``; None where there is no such command."""
        del ctx
        location = self.locations.get(cmd_name)
        if location is None:
            return None
        module_name, _, attribute = location.partition(":")
        command = getattr(importlib.import_module(module_name), attribute)
        if not isinstance(command, click.Command):
            message = f"{location} is not a command"
            raise TypeError(message)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; an interrupt, even while it is imported, ends with 130.

        A command that has more to say about it catches the interrupt itself.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nInterrupted.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hazardlens")
def cli() -> None:
    """Find candidate hazards in drone and street photos; people decide."""


def main() -> None:
    """Run the command; a user's mistake becomes one message and its documented exit code."""
    try:
        cli()
    except HazardLensError as error:
        click.echo(f"hazardlens: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
