"""Idempotent requests: `Idempotency-Key` bound to endpoints."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import Field

from common.errors import InvalidInput, MoviesError
from data_layer.entities.idempotency_record import IdempotencyRecord
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.use_cases import UseCases, UseCasesDependency
from movies_service.use_cases.idempotency import IdempotencyStore, StoredResponse

REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEY_SHOWN = {"pattern": f"^{_KEY.pattern}$", "minLength": 1, "maxLength": 255}

T = TypeVar("T")


class IdempotentRequest:
    """Request that changes something at most once per Idempotency-Key.

    Retries with the same key get the response that the use case recorded with its change, or the
    one that was sent, if the use case continued after the change. A request that recorded nothing,
    whatever ended it, releases its key.

    Args:
        use_cases: the store of idempotency records and the executors.
        key: the Idempotency-Key; `None` executes the request without storing its response.
        request: method, path, query and body: everything that the response depends on.
    """

    def __init__(self, use_cases: UseCases, key: str | None, request: bytes) -> None:
        self._use_cases = use_cases
        self._key = key
        self._request = request

    async def run(
        self,
        caller: Caller,
        work: Callable[[ResultRecorder[T]], Awaitable[T]],
        to_response: Callable[[T], Response],
        find: Callable[[], Awaitable[T | None]] | None = None,
        *,
        is_large: bool = False,
    ) -> Response:
        """Execute `work` and return its response, or return the stored response of the key.

        Args:
            caller: the sender of the request; keys of different callers are independent.
            work: the use case. Its argument stores the response in the transaction of the work.
            to_response: renders the result of the work.
            find: returns the result if nothing has to change for it, so that the key is not locked.
            is_large: whether rendering takes too long for the event loop.

        Raises:
            InvalidInput: the key was already used with a different request.
            Conflict: a request with this key is still being processed.
            MoviesError: raised by the work.
        """
        if self._key is None:
            return await self._respond(to_response, await work(record_nothing), is_large)
        store, write = self._use_cases.idempotency, self._use_cases.write
        request = caller.client, self._key, self._request
        # In this order: a movie that the same request has just added has its response by now.
        if find is not None and (found := await find()) is not None:
            stored = await self._use_cases.read(store.find, *request)
            if stored is not None:
                return _replay(stored)
            return await self._respond(to_response, found, is_large)
        record = await write(store.begin, *request)
        if isinstance(record, StoredResponse):
            return _replay(record)
        recorder = _ResponseRecorder(store, record, to_response)
        try:
            rendered = await self._respond(to_response, await work(recorder), is_large)
            if recorder.is_stored and (final := _to_stored(rendered)) != recorder.response:
                await write(store.replace_response, record, final)
            return rendered
        finally:
            if not recorder.is_stored:
                with suppress(MoviesError):  # The lock expires by itself.
                    await write(store.release_lock, record)

    async def _respond(
        self,
        to_response: Callable[[T], Response],
        result: T,
        is_large: bool,  # noqa: FBT001 - Passed on.
    ) -> Response:
        """Return the response; a large one is rendered in a thread."""
        if not is_large:
            return to_response(result)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._use_cases.render, to_response, result)


class _ResponseRecorder(Generic[T]):
    """Stores the response of a request in the transaction of its changes."""

    def __init__(
        self,
        store: IdempotencyStore,
        record: IdempotencyRecord,
        to_response: Callable[[T], Response],
    ) -> None:
        self._store = store
        self._record = record
        self._to_response = to_response
        self.response: StoredResponse | None = None
        self.is_stored = False

    def __call__(self, uow: UnitOfWork, result: T) -> None:
        self.response = _to_stored(self._to_response(result))
        self._store.record(uow, self._record, self.response)
        uow.after_commit(self._mark_stored)

    def _mark_stored(self) -> None:
        self.is_stored = True


async def get_idempotency(
    request: Request,
    use_cases: UseCasesDependency,
    idempotency_key: Annotated[
        Annotated[str, Field(json_schema_extra=_KEY_SHOWN)] | None,
        Header(
            alias="Idempotency-Key",
            description=(
                "A unique value per request, such as a UUID. If the request changed something, a"
                " retry with the same key and the same request is not executed again: for 24 hours"
                " it returns the first response, with the header `Idempotency-Replayed: true`."
            ),
        ),
    ] = None,
) -> IdempotentRequest:
    """Return the idempotent execution of this request.

    Raises:
        InvalidInput: the Idempotency-Key is empty, too long, or contains other characters than
            printable ASCII without spaces.
    """
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InvalidInput(
            "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.",
            field="Idempotency-Key",
        )
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return IdempotentRequest(use_cases, idempotency_key, target + await request.body())


IdempotencyDependency = Annotated[IdempotentRequest, Depends(get_idempotency)]


def _to_stored(response: Response) -> StoredResponse:
    headers = [header for header in response.headers.items() if header[0] != "content-length"]
    return StoredResponse(response.status_code, tuple(headers), bytes(response.body))


def _replay(response: StoredResponse) -> Response:
    headers = {**dict(response.headers), REPLAYED_HEADER: "true"}
    return Response(response.body, status_code=response.status, headers=headers)
