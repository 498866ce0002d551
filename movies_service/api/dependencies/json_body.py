"""What all requests with a body have in common."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from common.errors import MoviesError
from movies_service.http_semantics.problem_details import problem
from movies_service.http_semantics.strict_json import parse_json

JSON = "application/json"

_AS_IT_IS = "Send the body as it is, without Content-Encoding"

Model = TypeVar("Model", bound=BaseModel)


class _StrictRequest(Request):
    """Reads bodies with `parse_json`."""

    async def json(self) -> Any:  # noqa: ANN401 - As Starlette's.
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """An endpoint whose body is read with `parse_json`, and never decompressed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, for a request that reads strictly."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            if request.headers.get("content-encoding", "identity").lower() != "identity":
                raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{_AS_IT_IS}.")
            try:
                return await handle(_StrictRequest(request.scope, request.receive))
            except HTTPException as error:  # FastAPI makes one of whatever the reading raises.
                if isinstance(error.__cause__, MoviesError):
                    return problem(error.__cause__)
                raise

        return handle_strictly


async def require_json(request: Request) -> None:
    """Let pass only bodies that are announced as JSON.

    Raises:
        HTTPException: 415.
    """
    require_media_type(request, JSON)


def require_media_type(request: Request, *accepted: str) -> str:
    """Return how the body is announced, if it is one of those that are accepted.

    Raises:
        HTTPException: 415.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in accepted:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{_AS_IT_IS}, and as Content-Type: {accepted[0]}."
        )
    return media_type


def validate_body(model: type[Model], body: bytes) -> Model:
    """Return the JSON body, checked in JSON's own types.

    Raises:
        MalformedBody: it is no JSON.
        RequestValidationError: something in it is wrong.
    """
    parse_json(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_body(error) from None


def invalid_body(error: ValidationError) -> RequestValidationError:
    """Return what FastAPI raises for a body that it has read itself."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])


def body_of(*contents: tuple[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the documentation of a body that an endpoint reads itself, by media type."""
    documented = {
        media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
        for media_type, model in contents
    }
    return {"requestBody": {"required": True, "content": documented}}
