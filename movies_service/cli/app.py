"""Command line of the service."""

from common.cli.commands import new_command_line
from movies_service.cli.api_keys import api_keys
from movies_service.cli.backup import backup
from movies_service.cli.copy import copy
from movies_service.cli.export import export
from movies_service.cli.fetch import fetch
from movies_service.cli.import_ import import_
from movies_service.cli.migrate import migrate
from movies_service.cli.openapi import openapi
from movies_service.cli.serve import serve
from movies_service.cli.users import users

app = new_command_line("Movies API: a self-hosted movie catalogue.")
app.command()(serve)
app.command()(migrate)
app.command()(fetch)
app.command()(copy)
app.command()(backup)
app.command()(export)
app.command("import")(import_)
app.add_typer(api_keys, name="api-keys")
app.add_typer(users, name="users")
app.command()(openapi)
