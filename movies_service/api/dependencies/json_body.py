"""Request bodies: media types, strict JSON and validation."""

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from common.errors import InvalidInput, MoviesError
from movies_service.http_semantics.problem_details import problem_response
from movies_service.http_semantics.strict_json import parse_json

JSON = "application/json"

_UNENCODED = "Send the body without Content-Encoding"

Model = TypeVar("Model", bound=BaseModel)


class _StrictRequest(Request):
    """Request whose body is parsed by `parse_json`."""

    async def json(self) -> Any:  # noqa: ANN401 - The signature is Starlette's.
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """Route whose JSON bodies are parsed strictly; encoded bodies are rejected with a 415."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of FastAPI, called with a request that parses JSON strictly."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            if request.headers.get("content-encoding", "identity").lower() != "identity":
                raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{_UNENCODED}.")
            try:
                return await handle(_StrictRequest(request.scope, request.receive))
            except HTTPException as error:  # FastAPI wraps errors of body parsing.
                if isinstance(error.__cause__, MoviesError):
                    return problem_response(error.__cause__)
                raise

        return handle_strictly


async def require_json(request: Request) -> None:
    """Require the Content-Type `application/json`."""
    require_media_type(request, JSON)


def require_media_type(request: Request, *accepted: str) -> str:
    """Return the media type of the body, in lower case and without parameters.

    Raises:
        HTTPException: 415, if it is not one of `accepted`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in accepted:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{_UNENCODED} and with Content-Type: {accepted[0]}."
        )
    return media_type


def validate_body(model: type[Model], body: bytes) -> Model:
    """Return the JSON body as `model`, validated without conversions between JSON types.

    Raises:
        MalformedBody: the body is not acceptable JSON; see `parse_json`.
        InvalidInput: a text contains an unpaired surrogate, which pydantic takes for malformed.
        RequestValidationError: a field is missing, unknown or invalid.
    """
    document = parse_json(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if isinstance(document, dict) and _has_surrogate(document):
            fields = [name for name in model.model_fields if _has_surrogate(document.get(name))]
            location = ".".join(("body", *fields[:1]))
            message = "A text must not contain an unpaired surrogate."
            raise InvalidInput(message, field=location) from None
        raise invalid_body(error) from None


def _has_surrogate(document: object) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def invalid_body(error: ValidationError) -> RequestValidationError:
    """Return the exception that FastAPI raises for an invalid body, without the input."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return RequestValidationError(
        [{**detail, "loc": ("body", *detail["loc"])} for detail in details]
    )


def body_of(*contents: tuple[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the OpenAPI documentation of a body that the endpoint parses, by media type."""
    content = {
        media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
        for media_type, model in contents
    }
    return {"requestBody": {"required": True, "content": content}}
