"""The description of the API, completed with what FastAPI does not put in by itself."""

import functools
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from movies_service.api.dependencies.authentication import is_protecting
from movies_service.api.response_docs import UNAUTHENTICATED, Responses, problem_response
from movies_service.api.schemas.movies import MoviePatchIn
from movies_service.api.schemas.problem import ProblemOut
from movies_service.api.schemas.users import SignInIn

_MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    (ProblemOut, "serialization"),
    (MoviePatchIn, "validation"),
    (SignInIn, "validation"),
]
"""What endpoints read or write past FastAPI."""

_REFUSALS: Responses = {
    **problem_response(HTTPStatus.BAD_REQUEST, "malformed-request", "Send one Host header."),
    **UNAUTHENTICATED,
    **problem_response(
        HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The request did not arrive in time."
    ),
    **problem_response(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "head-too-large",
        "The path, the query and the headers have more than 16384 bytes.",
    ),
    **problem_response(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-requests",
        "More than 6000 in 60 seconds: wait as Retry-After says.",
    ),
}
"""How any request may be refused: also where no credential is needed, a wrong one is wrong."""

_REF = "#/components/schemas/{model}"


def complete_documentation(api: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Add the schemas of problems and of bodies that endpoints read themselves, and refusals.

    Args:
        api: that is documented.
        routers: of which it is made.
    """
    routes = [route for router in routers for route in router.routes]
    generate = api.openapi

    @functools.cache
    def openapi() -> dict[str, Any]:
        document = generate()
        _, schemas = models_json_schema(_MODELS, ref_template=_REF)
        document["components"]["schemas"].update(schemas["$defs"])
        for route in routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                _complete(document, route)
        return document

    api.openapi = openapi  # type: ignore[method-assign]  # As FastAPI documents it.


def _complete(document: dict[str, Any], route: APIRoute) -> None:
    """Say of an operation whether it can be asked without a credential, and how it refuses."""
    for method in route.methods or ():
        operation = document["paths"][route.path_format][method.lower()]
        for status, answer in _REFUSALS.items():
            operation["responses"].setdefault(str(status), answer)
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = _without_null(parameter["schema"])
        if not any(is_protecting(each.call) for each in route.dependant.dependencies):
            operation["security"] = [{}, *operation["security"]]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is there or not, and never `null`."""
    others: list[dict[str, Any]] = [
        each for each in schema.get("anyOf", ()) if each != {"type": "null"}
    ]
    if len(others) != 1:
        return schema
    return {name: value for name, value in schema.items() if name != "anyOf"} | others[0]
