"""HTTP server of the OMDb emulator."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from common.errors import InvalidSetting
from data_fetcher.emulator.faults import FAULTS
from data_fetcher.emulator.movies import EmulatedMovie
from data_fetcher.emulator.protocol import MovieIndex, failure

_STOP_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorOptions:
    """Latency, accepted keys, quota and faults of the emulator."""

    latency_ms: int = 0
    """Delay of each response in milliseconds."""
    key: str | None = None
    """The only API key that is accepted; None accepts any."""
    quota: int | None = None
    """Successful responses before the daily limit is reached; None for no limit."""
    fault: str | None = None
    """Name of one of `FAULTS`; None with an error rate means `html-503`."""
    error_rate: float | None = None
    """Fraction of the requests with the fault, from 0 to 1; None for all."""
    fault_first: int | None = None
    """Number of requests after which the fault ends; None for no end."""
    fault_for: frozenset[str] = frozenset()
    """Lower-case IMDb ids and titles to which the fault is limited; empty for all."""
    seed: int = 0
    """Seed of the random numbers for the error rate."""


class Emulator:
    """OMDb emulator with the given movies."""

    def __init__(
        self, movies: Iterable[EmulatedMovie], options: EmulatorOptions | None = None
    ) -> None:
        self._index = MovieIndex(movies)
        self._options = options or EmulatorOptions()
        self._random = random.Random(self._options.seed)  # noqa: S311 - No secret depends on it.
        self._responses = 0
        self._in_flight = 0
        self.requests = 0
        """Number of requests received."""
        self.in_flight_peak = 0
        """Maximum number of concurrent requests."""

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve within the context, and yield the URL; port 0 selects a free one.

        Raises:
            InvalidSetting: The address can't be listened on, for example because it is in use.
        """
        app = web.Application()
        app.router.add_get("/", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise InvalidSetting(
                    f"Can't listen on {host} port {port} ({error.strerror}): choose another port."
                ) from None
            bound_host, bound_port = runner.addresses[0][:2]
            yield f"http://{bound_host}:{bound_port}/"
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self._in_flight += 1
        self.in_flight_peak = max(self.in_flight_peak, self._in_flight)
        try:
            await asyncio.sleep(self._options.latency_ms / 1000)
            return await self._respond(request)
        finally:
            self._in_flight -= 1

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        parameters = {name.lower(): value for name, value in request.query.items() if value}
        if (error := self._find_rejection(parameters)) is not None:
            return web.json_response(failure(error), status=web.HTTPUnauthorized.status_code)
        response = self._index.respond(parameters)
        if self._should_fail(parameters):
            faulty = FAULTS[self._options.fault or "html-503"](request, response)
            return await faulty if isinstance(faulty, Awaitable) else faulty
        self._responses += 1
        return web.json_response(response)

    def _find_rejection(self, parameters: dict[str, str]) -> str | None:
        key = parameters.get("apikey")
        if key is None:
            return "No API key provided."
        if self._options.key not in {None, key}:
            return "Invalid API key!"
        if self._options.quota is not None and self._responses >= self._options.quota:
            return "Request limit reached!"
        return None

    def _should_fail(self, parameters: dict[str, str]) -> bool:
        options = self._options
        if options.fault is None and options.error_rate is None:
            return False
        requested = parameters.get("i") or parameters.get("t", "")
        return (
            (options.fault_first is None or self.requests <= options.fault_first)
            and (not options.fault_for or requested.lower() in options.fault_for)
            and (options.error_rate is None or self._random.random() < options.error_rate)
        )
