"""Push endpoint for Google Pub/Sub; internal, and therefore not in the OpenAPI document."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from common.errors import MoviesError, NotFound
from movies_service.api.dependencies.use_cases import get_use_cases
from movies_service.http_semantics.problem_details import problem_response
from movies_service.http_semantics.strict_json import parse_json
from movies_service.use_cases.pubsub_push import parse_push

PATH = "/internal/pubsub/fetch"


def add_push(api: FastAPI) -> None:
    """Add the push route. It accepts tokens of Google instead of the credentials of the API."""
    api.add_route(PATH, receive_push, methods=["POST"], include_in_schema=False)


async def receive_push(request: Request) -> Response:
    """Process one pushed message and return 204.

    After any error response Pub/Sub delivers the message again.
    """
    push_handler = (await get_use_cases(request)).push_handler
    try:
        if push_handler is None:
            raise NotFound("Pub/Sub push is not configured for this service.")
        authorization = request.headers.get("authorization", "")
        await push_handler.tokens.check(authorization)
        await push_handler.run(parse_push(parse_json(await request.body())))
    except MoviesError as error:
        return problem_response(error)
    return Response(status_code=HTTPStatus.NO_CONTENT)
