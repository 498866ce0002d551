"""Messages of the service on standard output for the person who starts it."""

import sys
from contextlib import suppress

from common.cli.output import OutputFailed, print_now
from movies_service.accounts.api_keys import ApiKeys

_NEXT_STEPS = """
Ready. Try:
  curl '{url}/movies?genre=Drama&limit=2'
  curl '{url}/movies/Alien'
  curl -X POST '{url}/movies' -H 'Content-Type: application/json' -d '{{"title": "Brazil"}}'
The interactive documentation is at {url}/docs
"""

_ADMIN_KEY = """
The admin API key of this catalogue, not shown again:
  {secret}
Send it as X-API-Key, for example to delete a movie:
  curl -X DELETE -H 'X-API-Key: {secret}' {url}/movies/1
"""

_NO_ADMIN_KEY = """
No API key exists yet. None was created, since standard output is not a terminal. Create one with:
  {python} -m movies_service api-keys create admin --scope admin
"""


def print_address(url: str) -> None:
    """Print the URL of the service.

    Raises:
        OutputFailed: It cannot be printed.
    """
    print_now(f"Movies API serves on {url}")


def print_next_steps(url: str) -> None:
    """Print example requests, once the catalogue has movies; the service does not need them."""
    with suppress(OutputFailed):
        print_now(_NEXT_STEPS.format(url=url))


def print_admin_key(api_keys: ApiKeys, url: str) -> None:
    """Create the first API key and print it, if standard output is a terminal.

    In a file or a log collector the secret would remain readable. There no key is created; the
    command that creates one is printed instead. A key that cannot be printed is deleted again.
    """
    with suppress(OutputFailed):
        if sys.stdout is not None and sys.stdout.isatty():
            api_keys.create_first(
                lambda secret: print_now(_ADMIN_KEY.format(secret=secret, url=url))
            )
        elif not api_keys.list():
            print_now(_NO_ADMIN_KEY.format(python=sys.executable))
