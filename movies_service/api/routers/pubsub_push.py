"""Where Google Pub/Sub pushes to; for nobody else, and in no documentation."""

import asyncio
from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from common.errors import MoviesError, NotFound
from movies_service.api.dependencies.use_cases import find_services
from movies_service.http_semantics.problem_details import problem
from movies_service.http_semantics.strict_json import parse_json
from movies_service.use_cases.pubsub_push import read_push

PATH = "/internal/pubsub/fetch"


def add_push(api: FastAPI) -> None:
    """Answer pushes, past the credentials that everybody else has."""
    api.add_route(PATH, receive_push, methods=["POST"], include_in_schema=False)


async def receive_push(request: Request) -> Response:
    """Answer 204 when a wish is done with; any error has Pub/Sub send the message again."""
    pushed = (await find_services(request)).pushed
    try:
        if pushed is None:
            raise NotFound("Nothing is pushed to this service.")
        authorization = request.headers.get("authorization", "")
        await asyncio.to_thread(pushed.tokens.check, authorization)
        await pushed.run(read_push(parse_json(await request.body())))
    except MoviesError as error:
        return problem(error)
    return Response(status_code=HTTPStatus.NO_CONTENT)
