"""The commands `keys …`: make, list and revoke API keys."""

import datetime as dt
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from common.cli.commands import command_settings, new_command_line
from common.clock import utc_now
from data_layer.bootstrap import open_database
from data_layer.entities.api_key import ApiKey
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys

keys = new_command_line("Make, list and revoke API keys.")

_DAYS_MAX = 36_500

Name = Annotated[str, typer.Argument(help="What people call the key.", show_default=False)]


@contextmanager
def _api_keys() -> Iterator[ApiKeys]:
    """Give the API keys of the database that the settings name."""
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.migrate()
        yield ApiKeys(database.unit_of_work)


@keys.command()
def create(
    name: Name,
    scope: Annotated[
        list[Scope], typer.Option(help="What it may do; give it more than once for more.")
    ],
    days: Annotated[
        int | None,
        typer.Option(min=1, max=_DAYS_MAX, help="Days until it expires; else it never does."),
    ] = None,
) -> None:
    """Make a key and print it: this once, since only its hash is kept."""
    with _api_keys() as api_keys:
        expires_at = None if days is None else utc_now() + dt.timedelta(days=days)
        secret = api_keys.create(name, scope, expires_at).secret
    print("Keep this key; it is not shown again.", file=sys.stderr)
    print(secret)


@keys.command("list")
def list_keys(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an array.")] = False
) -> None:
    """List every key, oldest first, without the keys themselves."""
    with _api_keys() as api_keys:
        rows = [_row(key) for key in api_keys.list()]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    header = {name: name.upper() for name in ("prefix", "state", "scopes", "expires", "name")}
    for row in [header, *rows]:
        print(
            f"{row['prefix']:<14}{row['state']:<10}{row['scopes']:<16}"
            f"{row['expires']:<22}{row['name']}"
        )


@keys.command()
def revoke(name: Name) -> None:
    """Make a key open nothing any more, at once and for ever."""
    with _api_keys() as api_keys:
        api_keys.revoke(name)
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
