"""Commands `users …`: create, list and change users, and rotate the signing key."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from common.cli.commands import AsJson, command_settings, new_command_line
from common.errors import InvalidInput
from data_layer.entities.scope import Scope
from data_layer.entities.user import User
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.accounts.users import Users
from movies_service.cli.database import existing_database, migrated_database
from movies_service.cli.tables import print_table

users = new_command_line("Create, list and change users, and rotate the signing key.")

Username = Annotated[str, typer.Argument(help="Name of the user.", show_default=False)]


@contextmanager
def _existing_users() -> Iterator[Users]:
    with existing_database() as database:
        yield Users(database.unit_of_work)


@users.command()
def add(
    username: Username,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            help="Permission of the user; repeat the option for several.", show_default="none"
        ),
    ] = None,
) -> None:
    """Create a user.

    The password is prompted for; without a terminal it is the first line of standard input.
    """
    with migrated_database() as database:
        all_users = Users(database.unit_of_work)
        all_users.add(username, _read_password(), scope or [], COMMAND_LINE)
    print("Created.", file=sys.stderr)


@users.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List all users by name."""
    with _existing_users() as all_users:
        rows = [_row(user) for user in all_users.list()]
    print_table(("username", "state", "scopes"), rows, as_json=as_json)


@users.command()
def disable(username: Username) -> None:
    """Disable a user: logins are rejected, and all sessions end immediately."""
    with _existing_users() as all_users:
        all_users.set_disabled(username, COMMAND_LINE, is_disabled=True)
    print("Disabled.", file=sys.stderr)


@users.command()
def enable(username: Username) -> None:
    """Enable a disabled user, who can then log in again."""
    with _existing_users() as all_users:
        all_users.set_disabled(username, COMMAND_LINE, is_disabled=False)
    print("Enabled.", file=sys.stderr)


@users.command()
def passwd(username: Username) -> None:
    """Replace the password of a user, and end all their sessions.

    The password is prompted for; without a terminal it is the first line of standard input.
    """
    with _existing_users() as all_users:
        all_users.get(username)
        all_users.set_password(username, _read_password(), COMMAND_LINE)
    print("Changed.", file=sys.stderr)


@users.command("rotate-signing-key")
def rotate_signing_key(
    *,
    revoke_existing: Annotated[
        bool, typer.Option("--revoke-existing", help="Reject all access tokens signed before.")
    ] = False,
) -> None:
    """Sign access tokens with a new key; existing tokens stay valid until they expire."""
    with command_settings() as settings:
        if settings.read_jwt_secrets():
            raise InvalidInput("The signing key is set by MOVIES_JWT_SECRET: change it there.")
    with existing_database() as database:
        SigningKeys(database.unit_of_work).rotate(COMMAND_LINE, revokes_existing=revoke_existing)
    print("Rotated.", file=sys.stderr)


def _read_password() -> str:
    """Prompt for a password twice; without a terminal, read a line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Repeat password: ") != password:
        raise InvalidInput("The two passwords differ: nothing was changed.")
    return password


def _row(user: User) -> dict[str, str]:
    return {
        "username": user.username,
        "state": "disabled" if user.disabled_at else "valid",
        "scopes": ",".join(sorted(user.scopes)),
    }
