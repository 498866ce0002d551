"""The short way to an endpoint, for reads that are asked for all the time.

FastAPI solves the dependencies of an endpoint anew for each request, parameter by parameter,
which takes longer than reading a page of films does. On this way it still documents the
endpoint, and these few lines call it.
"""

import functools
import typing
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from movies_service.query_parameters import require_known
from movies_service.services import find_services

Model = TypeVar("Model", bound=BaseModel)

QUERY = "query"


class DirectRoute(APIRoute):
    """Calls an endpoint with the request, the services, its query model, and its path's parts.

    The endpoint takes `request`, `services`, `query` (a pydantic model) and what its path
    holds, by these names.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        endpoint = self.endpoint
        model: type[BaseModel] = typing.get_type_hints(endpoint)[QUERY]

        async def answer(request: Request) -> Response:
            response: Response = await endpoint(
                request=request,
                services=await find_services(request),
                query=read_query(request.scope["query_string"], model),
                **request.path_params,
            )
            return response

        return answer


def read_query(query_string: bytes, model: type[Model]) -> Model:
    """Return the query parameters, checked.

    Raises:
        InvalidInput: a parameter is unknown or is given twice.
        RequestValidationError: a value is wrong.
    """
    if not query_string:
        default: Model = _without_parameters(model)
        return default
    pairs = parse_qsl(query_string.decode("utf-8", "replace"), keep_blank_values=True)
    require_known(pairs, tuple(model.model_fields))
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**fault, "loc": (QUERY, *fault["loc"])} for fault in faults]
        ) from None


@functools.cache
def _without_parameters(model: type[Model]) -> Model:
    return model()
