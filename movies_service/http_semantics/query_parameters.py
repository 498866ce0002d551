"""The check that a request has no query parameter but those that its endpoint documents."""

import difflib
from collections import Counter
from collections.abc import Sequence

from fastapi import Request
from fastapi.routing import APIRoute

from common.errors import InvalidInput


async def refuse_unknown_parameters(request: Request) -> None:
    """Let nobody wonder why a misspelt filter does nothing; see `require_known`."""
    if pairs := request.query_params.multi_items():
        require_known(pairs, _documented_parameters(request))


def require_known(pairs: Sequence[tuple[str, str]], known: Sequence[str]) -> None:
    """Let pass only parameters that are known, each once.

    Args:
        pairs: names and values, as they were given.
        known: names, as they are documented.

    Raises:
        InvalidInput: a parameter is unknown, and the message names the nearest known one; or
            one is given twice.
    """
    for name, count in Counter(name for name, _value in pairs).items():
        if name not in known:
            raise InvalidInput(_hint(name, known), field="query")
        if count > 1:
            raise InvalidInput("Give this parameter once.", field=f"query.{name}")


def _documented_parameters(request: Request) -> tuple[str, ...]:
    route: APIRoute = request.scope["route"]
    operation = request.app.openapi()["paths"][route.path_format][request.method.lower()]
    return tuple(
        parameter["name"]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    )


def _hint(name: str, known: Sequence[str]) -> str:
    if not known:
        return "This path takes no query parameters."
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return (
        f"There is no such query parameter; the nearest one is {nearest}. "
        f"There are: {', '.join(known)}."
    )
