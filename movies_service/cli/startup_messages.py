"""What the service says to the person who starts it."""

import sys

from movies_service.accounts.api_keys import ApiKeys

_NEXT_STEPS = """
Ready. Try:
  curl '{url}/movies?genre=Drama&limit=2'
  curl '{url}/movies/Alien'
  curl -X POST '{url}/movies' -H 'Content-Type: application/json' -d '{{"title": "Brazil"}}'
The interactive documentation is at {url}/docs
"""

_ADMIN_KEY = """
The admin API key of this catalogue, shown this once:
  {secret}
Send it as X-API-Key to remove films:
  curl -X DELETE -H 'X-API-Key: {secret}' {url}/movies/1
"""

_NO_ADMIN_KEY = """
There is no API key yet, and this is no terminal to show a new one on. To make one:
  {python} -m movies_service keys create admin --scope admin
"""


def print_address(url: str) -> None:
    """Say where the service listens."""
    print(f"Movies API serves on {url}", flush=True)


def print_next_steps(url: str) -> None:
    """Say what can be tried, once there are films."""
    print(_NEXT_STEPS.format(url=url), flush=True)


def print_admin_key(api_keys: ApiKeys, url: str) -> None:
    """Make the first API key and show it, if somebody is there to see it.

    Where the output goes into a file or a collector of logs, no key is made: it would stay
    there. The operator is told how to make one instead.
    """
    if sys.stdout.isatty():
        if (secret := api_keys.create_first()) is not None:
            print(_ADMIN_KEY.format(secret=secret, url=url), flush=True)
    elif not api_keys.list():
        print(_NO_ADMIN_KEY.format(python=sys.executable), flush=True)
