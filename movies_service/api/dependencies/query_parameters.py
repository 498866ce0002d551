"""Dependency that rejects query parameters which the endpoint does not document."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from movies_service.http_semantics.query_parameters import require_known


async def refuse_unknown_parameters(request: Request) -> None:
    """Reject unknown and repeated query parameters, so that a misspelt filter is an error."""
    if pairs := request.query_params.multi_items():
        require_known(pairs, _documented_parameters(request))


def _documented_parameters(request: Request) -> tuple[str, ...]:
    """Return the names of the endpoint's parameters, and of the fields of its parameter model.

    They are not read from the OpenAPI document, whose generation takes half a second.
    """
    route: APIRoute = request.scope["route"]
    return tuple(_parameters_of(route.dependant))


def _parameters_of(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        yield from getattr(parameter.field_info.annotation, "model_fields", (parameter.alias,))
    for dependency in dependant.dependencies:
        yield from _parameters_of(dependency)
