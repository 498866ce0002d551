"""Requests that clients may repeat without doing them twice."""

import asyncio
import dataclasses
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import Field

from common.errors import Conflict, InvalidInput, MoviesError, NotFound
from data_layer.ports.unit_of_work import UnitOfWork
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.use_cases import Services, ServicesDependency
from movies_service.http_semantics.problem_details import problem
from movies_service.use_cases.idempotency import Answer

REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEY_SHOWN = {"pattern": f"^{_KEY.pattern}$", "minLength": 1, "maxLength": 255}
_FINAL = (NotFound, Conflict)
"""Errors that are answers: the same request does not get another one for a day."""

T = TypeVar("T")


class Once:
    """Does the work of a request once for each Idempotency-Key, and answers alike.

    Args:
        services: of the app.
        key: the Idempotency-Key; without one the work is simply done.
        request: all of the request that its answer depends on.
    """

    def __init__(self, services: Services, key: str | None, request: bytes) -> None:
        self._services = services
        self._key = key
        self._request = request

    async def run(
        self,
        caller: Caller,
        work: Callable[[Caller], Awaitable[T]],
        to_response: Callable[[T], Response],
    ) -> Response:
        """Return the answer to the work, or the one that was given before.

        Args:
            caller: who asks.
            work: is given the caller, who keeps the answer in the transaction of the work.
            to_response: makes the answer.

        Raises:
            InvalidInput: the key belongs to another request.
            Conflict: the same request is in flight.
            MoviesError: what the work raises.
        """
        if self._key is None:
            # Not on the event loop: an answer about a thousand wishes takes its time.
            return await asyncio.to_thread(to_response, await work(caller))
        answers, write = self._services.kept_answers, self._services.write
        held = await write(answers.begin, caller.client, self._key, self._request)
        if isinstance(held, Answer):
            return _replay(held)
        is_kept = False

        def keep(uow: UnitOfWork, result: T) -> None:
            nonlocal is_kept
            answers.keep(uow, held, _answer_of(to_response(result)))
            uow.after_commit(note_kept)

        def note_kept() -> None:
            nonlocal is_kept
            is_kept = True

        try:
            response = to_response(await work(dataclasses.replace(caller, on_done=keep)))
        except _FINAL as error:
            response = problem(error)
        except MoviesError:
            await write(answers.release, held)
            raise
        if not is_kept:
            await write(answers.finish, held, _answer_of(response))
        return response


async def find_once(
    request: Request,
    services: ServicesDependency,
    idempotency_key: Annotated[
        Annotated[str, Field(json_schema_extra=_KEY_SHOWN)] | None,
        Header(
            alias="Idempotency-Key",
            description="New for each request: repeats get the same answer for a day.",
        ),
    ] = None,
) -> Once:
    """Return how the work of this request is done once.

    Raises:
        InvalidInput: the Idempotency-Key has blanks, or is too long.
    """
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InvalidInput(
            "It has 1 to 255 characters of ASCII, and no blanks.", field="Idempotency-Key"
        )
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return Once(services, idempotency_key, asked + await request.body())


OnceDependency = Annotated[Once, Depends(find_once)]


def _answer_of(response: Response) -> Answer:
    headers = [header for header in response.headers.items() if header[0] != "content-length"]
    return Answer(response.status_code, tuple(headers), bytes(response.body))


def _replay(answer: Answer) -> Response:
    headers = {**dict(answer.headers), REPLAYED_HEADER: "true"}
    return Response(answer.body, status_code=answer.status, headers=headers)
