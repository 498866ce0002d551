"""Dependency that rejects query parameters which the endpoint does not document."""

from fastapi import Request
from fastapi.routing import APIRoute

from movies_service.http_semantics.query_parameters import require_known


async def refuse_unknown_parameters(request: Request) -> None:
    """Reject unknown and repeated query parameters, so that a misspelt filter is an error.

    Raises:
        InvalidInput: see `require_known`.
    """
    if pairs := request.query_params.multi_items():
        require_known(pairs, _documented_parameters(request))


def _documented_parameters(request: Request) -> tuple[str, ...]:
    """Return the parameters of the endpoint; pages outside the OpenAPI document have none."""
    route: APIRoute = request.scope["route"]
    operations = request.app.openapi()["paths"].get(route.path_format, {})
    operation = operations.get(request.method.lower(), {})
    return tuple(
        parameter["name"]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    )
