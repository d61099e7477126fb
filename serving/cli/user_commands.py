"""``hazardlens user``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from serving.accounts import users
from serving.accounts.roles import Role
from serving.cli.options import console_actor, data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import database_for_command
from serving.db.migrate import upgrade_database
from serving.settings import load_settings
from serving.supervisor.logs import configure_logging


@click.group()
def user() -> None:
    """Add, change and list the people who may sign in.

    Exit codes: 0 done, 1 refused (name taken or unknown, weak password), 2 a name or option
    cannot be used, 5 a setting cannot be used, 6 the database does not start.
    """


role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.REVIEWER.value,
    show_default=True,
    help="What the person may do.",
)
password_option = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    envvar="HAZARDLENS_NEW_PASSWORD",
    help="Asked for if not given; HAZARDLENS_NEW_PASSWORD for scripts.",
)


@user.command("add")
@click.argument("username")
@role_option
@password_option
@data_dir_option
def add_user(username: str, role: str, password: str, data_dir: Path | None) -> None:
    """Add a person."""
    with _session(data_dir) as session:
        users.create_user(session, username, password, Role(role), by=console_actor())
    click.echo(f"added {username} ({role})")


@user.command("passwd")
@click.argument("username")
@password_option
@data_dir_option
def change_password(username: str, password: str, data_dir: Path | None) -> None:
    """Give a person a new password; their sessions end."""
    with _session(data_dir) as session:
        users.set_password(session, username, password, by=console_actor())
    click.echo(f"changed the password of {username}")


@user.command("role")
@click.argument("username")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@data_dir_option
def change_role(username: str, role: str, data_dir: Path | None) -> None:
    """Give a person another role; it holds at once."""
    with _session(data_dir) as session:
        users.set_role(session, username, Role(role), by=console_actor())
    click.echo(f"{username} is {role} now")


@user.command("disable")
@click.argument("username")
@data_dir_option
def disable_user(username: str, data_dir: Path | None) -> None:
    """Shut a person out at once; what they did stays."""
    with _session(data_dir) as session:
        users.disable_user(session, username, by=console_actor())
    click.echo(f"disabled {username}")


@user.command("list")
@data_dir_option
def list_users(data_dir: Path | None) -> None:
    """List everybody: name, role, since when, whether disabled."""
    with _session(data_dir) as session:
        for row in users.list_users(session):
            status = "disabled" if row.disabled_at else "active"
            click.echo(f"{row.username}\t{row.role}\t{row.created_at:%Y-%m-%d}\t{status}")


@contextmanager
def _session(data_dir: Path | None) -> Iterator[Session]:
    configure_logging("user")
    settings = load_settings(data_dir=data_dir)
    with database_for_command(settings) as database_url:
        engine = open_engine(database_url, pool_size=1)
        upgrade_database(engine)
        with make_sessions(engine).begin() as session:
            yield session
        engine.dispose()
