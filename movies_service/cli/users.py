"""The commands `users …`: who signs in, and what their tokens are signed with."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from common.cli.commands import command_settings, new_command_line
from common.errors import InvalidInput
from data_layer.bootstrap import open_database
from data_layer.database import Database
from data_layer.entities.scope import Scope
from data_layer.entities.user import User
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.accounts.users import Users

users = new_command_line("Make, list and change the users who sign in.")

Username = Annotated[str, typer.Argument(help="The name of the user.", show_default=False)]


@contextmanager
def _database() -> Iterator[Database]:
    """Give the database that the settings name, with its newest schema."""
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.migrate()
        yield database


@contextmanager
def _users() -> Iterator[Users]:
    with _database() as database:
        yield Users(database.unit_of_work)


@users.command()
def add(
    username: Username,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            help="What they may do; give it more than once for more.", show_default="none"
        ),
    ] = None,
) -> None:
    """Make a user; the password is asked for, or is the first line of standard input."""
    with _users() as all_users:
        all_users.add(username, _read_password(), scope or [], COMMAND_LINE)
    print("Made.", file=sys.stderr)


@users.command("list")
def list_users(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an array.")] = False
) -> None:
    """List every user by name."""
    with _users() as all_users:
        rows = [_row(user) for user in all_users.list()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    header = {name: name.upper() for name in ("username", "state", "scopes")}
    for row in [header, *rows]:
        print(f"{row['username']:<24}{row['state']:<10}{row['scopes']}")


@users.command()
def disable(username: Username) -> None:
    """Let a user sign in no more; their sessions end at once."""
    with _users() as all_users:
        all_users.set_disabled(username, COMMAND_LINE, is_disabled=True)
    print("Disabled.", file=sys.stderr)


@users.command()
def enable(username: Username) -> None:
    """Let a user who was disabled sign in again."""
    with _users() as all_users:
        all_users.set_disabled(username, COMMAND_LINE, is_disabled=False)
    print("Enabled.", file=sys.stderr)


@users.command()
def passwd(username: Username) -> None:
    """Give a user a new password, asked for or read from standard input; all sessions end."""
    with _users() as all_users:
        all_users.get(username)
        all_users.set_password(username, _read_password(), COMMAND_LINE)
    print("Changed.", file=sys.stderr)


@users.command("rotate-signing-key")
def rotate_signing_key(
    *,
    at_once: Annotated[
        bool, typer.Option(help="Accept no token any more that was signed before.")
    ] = False,
) -> None:
    """Sign access tokens with a new key; those out there stay good until they expire."""
    with command_settings() as settings:
        if settings.find_jwt_secrets():
            raise InvalidInput("The signing key is given by MOVIES_JWT_SECRET: change it there.")
        with closing(open_database(settings)) as database:
            database.migrate()
            SigningKeys(database.unit_of_work).rotate(COMMAND_LINE, is_at_once=at_once)
    print("Rotated.", file=sys.stderr)


def _read_password() -> str:
    """Ask for a password, twice; where nobody can be asked, read a line.

    Raises:
        InvalidInput: the two differ.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise InvalidInput("The two passwords differ: nothing has changed.")
    return password


def _row(user: User) -> dict[str, str]:
    return {
        "username": user.username,
        "state": "disabled" if user.disabled_at else "valid",
        "scopes": ",".join(sorted(user.scopes)),
    }
