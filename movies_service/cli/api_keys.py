"""Commands `api-keys …`: create, list and revoke API keys."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from common.cli.commands import AsJson, new_command_line
from common.cli.output import print_now
from common.clock import utc_now
from data_layer.entities.api_key import ApiKey
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.cli.database import existing_database, migrated_database
from movies_service.cli.tables import print_table

api_keys = new_command_line("Create, list and revoke API keys.")

_DAYS_MAX = 36_500

Name = Annotated[str, typer.Argument(help="Unique name of the key.", show_default=False)]


@contextmanager
def _existing_keys() -> Iterator[ApiKeys]:
    with existing_database() as database:
        yield ApiKeys(database.unit_of_work)


@api_keys.command()
def create(
    name: Name,
    scope: Annotated[
        list[Scope], typer.Option(help="Permission of the key; repeat the option for several.")
    ],
    days: Annotated[
        int | None,
        typer.Option(min=1, max=_DAYS_MAX, help="Days until the key expires; default: never."),
    ] = None,
) -> None:
    """Create an API key and print its secret.

    The secret cannot be shown again: the database holds only its hash. If it cannot be printed, the
    key is deleted again.
    """
    expires_at = None if days is None else utc_now() + dt.timedelta(days=days)
    with migrated_database() as database:
        ApiKeys(database.unit_of_work).create_shown(name, scope, print_now, expires_at)
    print("Store this key now; it is not shown again.", file=sys.stderr)


@api_keys.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List all API keys, oldest first, without their secrets."""
    with _existing_keys() as keys:
        rows = [_row(key) for key in keys.list()]
    print_table(("prefix", "state", "scopes", "expires", "name"), rows, as_json=as_json)


@api_keys.command()
def revoke(name: Name) -> None:
    """Revoke an API key, immediately and permanently."""
    with _existing_keys() as keys:
        keys.revoke(name)
    print("Revoked.", file=sys.stderr)


def _row(key: ApiKey) -> dict[str, str]:
    is_valid = key.is_valid_at(utc_now())
    return {
        "prefix": key.prefix,
        "state": "valid" if is_valid else "revoked" if key.revoked_at else "expired",
        "scopes": ",".join(sorted(key.scopes)),
        "expires": key.expires_at.isoformat(timespec="minutes") if key.expires_at else "never",
        "name": key.name,
    }
