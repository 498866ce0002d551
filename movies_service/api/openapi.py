"""OpenAPI document, completed with the parts that FastAPI does not generate."""

import functools
import threading
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from common.errors import (
    DatabaseFull,
    DatabaseUnavailable,
    InvalidInput,
    MalformedBody,
    TooManyRequests,
    Unauthenticated,
)
from movies_service.api.dependencies.authentication import find_forbidden
from movies_service.api.response_docs import HttpError, add_errors, errors
from movies_service.api.schemas.movies import MoviePatchIn
from movies_service.api.schemas.problem import ProblemOut
from movies_service.api.schemas.users import LoginIn

_Model = tuple[type[BaseModel], JsonSchemaMode]

_MODELS: tuple[_Model, ...] = (
    (ProblemOut, "serialization"),
    (MoviePatchIn, "validation"),
    (LoginIn, "validation"),
)
"""Models of bodies that endpoints parse or render without FastAPI."""

INVALID_INPUT = errors(InvalidInput("query.limit: it must be at most 100."))
"""Error of every operation; without it FastAPI documents an error response of its own."""

_COMMON_ERRORS = (
    HttpError(HTTPStatus.BAD_REQUEST, "malformed-request", "Send one Host header."),
    Unauthenticated("Send an API key in X-API-Key, or an access token in Authorization: Bearer."),
    HttpError(HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The request did not arrive in time."),
    HttpError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "header-fields-too-large",
        "Path, query and headers exceed 16384 bytes.",
    ),
    TooManyRequests(
        "Rate limit exceeded (MOVIES_RATE_LIMIT_ADDS=60/minute); retry after the time in"
        " Retry-After."
    ),
    DatabaseUnavailable("The database is temporarily unavailable."),
)
"""Errors of every operation.

`Unauthenticated` and `DatabaseUnavailable` are among them, since public endpoints verify
credentials too.
"""

_BODY_ERRORS = (
    MalformedBody("The body is not JSON in UTF-8."),
    HttpError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "The body exceeds 65536 bytes."
    ),
    HttpError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "Send the body without Content-Encoding and with Content-Type: application/json.",
    ),
)
"""Errors of every operation with a request body."""


def complete_documentation(api: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Extend the OpenAPI document of `api`.

    Added are the schemas of problem documents and of bodies that endpoints parse themselves, the
    `null`s in examples, the errors that operations share, and which operations are public.

    The document is generated once, on first use.
    """
    routes = [
        route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    ]
    generate = api.openapi
    lock = threading.Lock()

    @functools.cache
    def generate_once() -> dict[str, Any]:
        document = generate()
        models = [*_response_models(routes), *_MODELS]
        _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")
        document["components"]["schemas"].update(schemas["$defs"])
        shared: dict[str, Any] = {}  # YAML writes an object once, and then refers to it.
        for route in routes:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                _complete(operation, method, route)
                for status, response in operation["responses"].items():
                    operation["responses"][status] = shared.setdefault(str(response), response)
        return document

    def openapi() -> dict[str, Any]:
        with lock:  # A second thread would complete the same document again.
            return generate_once()

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this way.


def _response_models(routes: Iterable[APIRoute]) -> Iterator[_Model]:
    """Yield the models of successful responses: FastAPI omits each `null` of their examples."""
    for route in routes:
        documented = [response.get("model") for response in route.responses.values()]
        for model in [route.response_model, *documented]:
            if model is not None:
                yield model, "serialization"


def _complete(operation: dict[str, Any], method: str, route: APIRoute) -> None:
    """Add the errors of the route's dependencies and common errors; mark a public operation."""
    responses = operation["responses"]
    calls = [dependency.call for dependency in route.dependant.dependencies]
    forbidden = [found for call in calls if (found := find_forbidden(call)) is not None]
    for found in forbidden:
        add_errors(responses, *found)
    add_errors(responses, *_COMMON_ERRORS)
    if "requestBody" in operation:
        add_errors(responses, *_BODY_ERRORS)
    if method != "GET":
        add_errors(responses, DatabaseFull)
    if not forbidden:
        operation["security"] = [{}, *operation["security"]]
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional parameter without `null`.

    A query parameter or header is present or absent; it cannot be `null`.
    """
    others: list[dict[str, Any]] = [
        option for option in schema.get("anyOf", ()) if option != {"type": "null"}
    ]
    if len(others) != 1:
        return schema
    return {name: value for name, value in schema.items() if name != "anyOf"} | others[0]
