from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.testclient import TestClient
from pydantic import BaseModel

from common.errors import DatabaseUnavailable, InvalidInput, NotFound
from movies_service.api.error_handlers import install_error_handlers
from movies_service.middleware.fast_path import FastPathMiddleware


class NoParameters(BaseModel):
    """Query without parameters."""


def get_use_cases() -> None:
    """Return nothing: the endpoint of these tests needs no use case."""


@pytest.mark.parametrize(
    ("error", "status", "reads"),
    [
        (DatabaseUnavailable("The database did not respond in time."), 503, 1),
        (NotFound("No movie has this id."), 404, 1),
        (InvalidInput("This reference is invalid."), 422, 2),
        (ZeroDivisionError(), 500, 2),
    ],
)
def test_fastapi_repeats_only_invalid_and_unexpected_reads(
    error: Exception, status: int, reads: int
) -> None:
    router, calls = APIRouter(), []

    @router.get("/movies")
    async def list_movies(
        request: Request,
        query: Annotated[NoParameters, Query()],
        use_cases: Annotated[None, Depends(get_use_cases)],
    ) -> Response:
        calls.append(request.url.path)
        raise error

    api = FastAPI()
    api.state.use_cases = None
    api.include_router(router)
    install_error_handlers(api)
    client = TestClient(FastPathMiddleware(api, router), raise_server_exceptions=False)
    response = client.get("/movies")
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert len(calls) == reads
