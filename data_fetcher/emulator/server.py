"""The emulator over real HTTP."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from common.errors import InvalidSetting
from data_fetcher.emulator.faults import FAULTS
from data_fetcher.emulator.movies import EmulatedFilm
from data_fetcher.emulator.protocol import FilmIndex, failure

_STOP_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """How the emulator differs from an OMDb that is well and near."""

    latency_ms: int = 0
    """Milliseconds before each answer."""
    key: str | None = None
    """The one API key that is accepted; else any is."""
    quota: int | None = None
    """Questions that are answered before the day's requests are spent."""
    fault: str | None = None
    """One of `FAULTS`; `html-503` where only an error rate is given."""
    error_rate: float | None = None
    """The part of the questions that the fault befalls, from 0 to 1; else all."""
    fault_first: int | None = None
    """The fault befalls so many questions, and no later one."""
    fault_for: frozenset[str] = frozenset()
    """The fault befalls the questions for these IMDb ids and titles only."""
    seed: int = 0
    """Of the dice that the error rate throws."""


class Emulator:
    """An OMDb with its own films.

    Args:
        films: that it knows.
        switches: of latency, keys, quota and faults.
    """

    def __init__(self, films: Iterable[EmulatedFilm], switches: Switches | None = None) -> None:
        self._index = FilmIndex(films)
        self._switches = switches or Switches()
        self._dice = random.Random(self._switches.seed)  # noqa: S311 - No secret depends on it.
        self._answered = 0
        self._in_flight = 0
        self.requests = 0
        """How many requests came."""
        self.in_flight_peak = 0
        """How many were being answered at once, at most."""

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve within the context, and give the URL; port 0 takes a free one.

        Raises:
            InvalidSetting: the port is taken.
        """
        app = web.Application()
        app.router.add_get("/", self._answer)
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

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self._in_flight += 1
        self.in_flight_peak = max(self.in_flight_peak, self._in_flight)
        try:
            await asyncio.sleep(self._switches.latency_ms / 1000)
            return await self._answer_now(request)
        finally:
            self._in_flight -= 1

    async def _answer_now(self, request: web.Request) -> web.StreamResponse:
        parameters = {name.lower(): value for name, value in request.query.items() if value}
        if (refusal := self._refusal(parameters)) is not None:
            return web.json_response(failure(refusal), status=web.HTTPUnauthorized.status_code)
        answer = self._index.answer(parameters)
        if self._is_befallen(parameters):
            fault = FAULTS[self._switches.fault or "html-503"]
            return await fault(request, answer)
        self._answered += 1
        return web.json_response(answer)

    def _refusal(self, parameters: dict[str, str]) -> str | None:
        key = parameters.get("apikey")
        if key is None:
            return "No API key provided."
        if self._switches.key not in {None, key}:
            return "Invalid API key!"
        if self._switches.quota is not None and self._answered >= self._switches.quota:
            return "Request limit reached!"
        return None

    def _is_befallen(self, parameters: dict[str, str]) -> bool:
        switches = self._switches
        if switches.fault is None and switches.error_rate is None:
            return False
        wanted = parameters.get("i") or parameters.get("t", "")
        return (
            (switches.fault_first is None or self.requests <= switches.fault_first)
            and (not switches.fault_for or wanted.lower() in switches.fault_for)
            and (switches.error_rate is None or self._dice.random() < switches.error_rate)
        )
