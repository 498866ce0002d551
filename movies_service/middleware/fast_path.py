"""Fast path for frequent reads, which bypasses FastAPI.

FastAPI takes longer to route a request and resolve its dependencies than reading a page of movies
takes. The fast path calls the endpoint directly. FastAPI still documents the endpoint, and repeats
a request with invalid input, whose location it knows better, or with an unexpected error.
"""

import functools
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from common.errors import InvalidInput, MoviesError
from movies_service.http_semantics.problem_details import problem_response
from movies_service.http_semantics.query_parameters import require_known

_CREDENTIALS = frozenset({b"x-api-key", b"authorization"})
"""Headers that exclude a request from the fast path, since FastAPI authenticates it."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Read:
    """An endpoint, and its exact path, or the prefix of a path that ends in a parameter."""

    route: APIRoute
    path: str
    parameter: str
    """Name of the parameter that ends the path; empty for an exact path."""
    endpoint: Callable[..., Awaitable[Response]]
    model: type[BaseModel]

    async def response(self, request: Request, use_cases: object) -> Response:
        path_parameters = {self.parameter: request.scope["path"][len(self.path) :]}
        return await self.endpoint(
            request=request,
            use_cases=use_cases,
            query=_read_query(request.scope["query_string"], self.model),
            **(path_parameters if self.parameter else {}),
        )


class FastPathMiddleware:
    """Middleware that calls the endpoints of a router directly.

    Args:
        api: handles all other requests; its state contains the use cases.
        router: endpoints with the arguments `request`, `use_cases`, `query` (a pydantic model)
            and at most one parameter, which ends the path.
    """

    def __init__(self, api: FastAPI, router: APIRouter) -> None:
        self._api = api
        self._reads = [_to_read(typing.cast("APIRoute", route)) for route in router.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        read = self._find(scope)
        if read is None:
            await self._api(scope, receive, send)
            return
        try:
            response = await read.response(Request(scope, receive), self._api.state.use_cases)
        except Exception as error:  # noqa: BLE001 - FastAPI repeats the request, and raises it.
            if isinstance(error, InvalidInput) or not isinstance(error, MoviesError):
                await self._api(scope, receive, send)
                return
            response = problem_response(error)  # Repeated, a read would wait for a deadline twice.
        scope["route"] = read.route
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> _Read | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        if any(name in _CREDENTIALS for name, _value in scope["headers"]):
            return None
        path: str = scope["path"]
        for read in self._reads:
            if path.startswith(read.path) if read.parameter else path == read.path:
                return read
        return None


def _to_read(route: APIRoute) -> _Read:
    path, _, parameter = route.path.partition("{")
    model = typing.get_type_hints(route.endpoint)["query"]
    return _Read(route, path, parameter.partition(":")[0], route.endpoint, model)


def _read_query(query_string: bytes, model: type[Model]) -> Model:
    """Return the validated query parameters.

    Raises:
        InvalidInput: a parameter is unknown or repeated.
        ValidationError: a value is invalid.
    """
    if not query_string:
        default: Model = _without_parameters(model)
        return default
    pairs = parse_qsl(query_string.decode("utf-8", "replace"), keep_blank_values=True)
    require_known(pairs, tuple(model.model_fields))
    return model.model_validate(dict(pairs))


@functools.cache
def _without_parameters(model: type[Model]) -> Model:
    return model()
