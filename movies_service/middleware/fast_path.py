"""The short way to the reads that are asked for all the time.

FastAPI takes longer to find an endpoint and to solve its dependencies than a page of films takes
to be read. On this way the endpoint is called at once. FastAPI documents it all the same, and
answers whatever goes wrong here: it finds the same fault, and has the words for it.
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

from movies_service.http_semantics.query_parameters import require_known

_CREDENTIALS = frozenset({b"x-api-key", b"authorization"})
"""Whoever sends one is told by FastAPI if it opens nothing."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Read:
    """An endpoint, and the path that leads to it: a word, or one that begins with a prefix."""

    route: APIRoute
    path: str
    parameter: str
    """What the rest of the path is called; empty where there is none."""
    endpoint: Callable[..., Awaitable[Response]]
    model: type[BaseModel]

    async def answer(self, request: Request, services: object) -> Response:
        path_parameters = {self.parameter: request.scope["path"][len(self.path) :]}
        return await self.endpoint(
            request=request,
            services=services,
            query=_read_query(request.scope["query_string"], self.model),
            **(path_parameters if self.parameter else {}),
        )


class DirectReads:
    """Calls the endpoints of a router past FastAPI.

    Args:
        api: answers everything else; its state holds the services.
        router: of endpoints that take `request`, `services`, `query` (a pydantic model) and, at
            most, one parameter that ends the path.
    """

    def __init__(self, api: FastAPI, router: APIRouter) -> None:
        self._api = api
        self._reads = [_to_read(typing.cast("APIRoute", route)) for route in router.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        read = self._find(scope)
        if read is None:
            await self._api(scope, receive, send)
            return
        try:
            response = await read.answer(Request(scope, receive), self._api.state.services)
        except Exception:  # noqa: BLE001 - FastAPI finds it again, and has the handlers.
            await self._api(scope, receive, send)
            return
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
    """Return the query parameters, checked.

    Raises:
        InvalidInput: a parameter is unknown or is given twice.
        ValidationError: a value is wrong.
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
