"""Command `serve`: migrate and seed the database, serve the API, and shut down in time."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.errors import DatabaseBusy, DatabaseUnreachable, InvalidSetting
from common.logging_setup import configure_logs
from common.settings import Settings
from common.shutdown import EXIT_SECONDS, ShutdownSignal, force_exit_after
from data_fetcher.bootstrap import require_accepted_key
from data_fetcher.ingest.bootstrap import open_ingest_store
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_layer.bootstrap import open_database
from movies_service.accounts.api_keys import ApiKeys
from movies_service.bootstrap import build_app
from movies_service.cli.startup_messages import print_address, print_admin_key, print_next_steps
from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.server.cached_protocol import with_cache
from movies_service.server.limited_protocol import LimitedHttpProtocol, with_limits
from movies_service.server.supervisor import SILENCE_SECONDS, ProcessSupervisor
from movies_service.startup import StartupCallbacks

STOP_SECONDS = 6
"""Time that requests in flight get to finish after a shutdown signal.

Cloud Run kills the process after 10 seconds; README promises 8.
"""

SWITCH_SECONDS = 0.0002
"""Switch interval of the interpreter; its default is 0.005.

It bounds how long a thread that stores movies may block the event loop.
"""

_BACKLOG = 2048
_TICKS_A_SECOND = 10
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - Local addresses of such sockets.


def serve() -> None:
    """Serve the API; first migrate the database, and seed it once.

    The first start on a database adds the 100 seed movies, even if it has other movies;
    MOVIES_SEED=off prevents this.

    SIGINT or SIGTERM shuts the service down within 8 seconds, after finishing the requests in
    flight; a second signal stops it immediately. An unreachable database server is waited for, and
    so is the write lock, during which reads are served.

    Exit codes: 0 stopped by a signal; 2 invalid setting; 4 on a terminal, OMDb rejected the API key
    of a catalogue without movies; 5 the database cannot be used.
    """
    with command_settings() as settings:
        settings.read_omdb_key()
        settings.read_jwt_secrets()
        if settings.ingest_source is not None:
            open_ingest_store(settings, settings.ingest_source)
        config = load_fetcher_config()
        with (
            closing(open_database(settings)) as database,
            suppress(DatabaseUnreachable, DatabaseBusy),
        ):
            database.migrate()
            if sys.stdout is not None and sys.stdout.isatty():
                asyncio.run(require_accepted_key(settings, config, database))
        with closing(bind_socket(settings)) as listener:
            print_address(base_url(listener))
            if settings.processes == 1:
                _serve_one(settings, config, listener, None, 0, lambda: None)
            else:
                _serve_many(settings, config, listener)


def _serve_many(settings: Settings, config: FetcherConfig, listener: socket.socket) -> None:
    with TemporaryDirectory(prefix="movies-counts-") as folder:
        serve_one = partial(_serve_one, settings, config, listener, Path(folder))
        # Reads of SQLite run in the event loop, and may wait for a lock.
        silence_max_seconds = SILENCE_SECONDS + settings.database_lock_timeout_seconds
        ProcessSupervisor(settings.processes, serve_one, silence_max_seconds).run()


def _serve_one(
    settings: Settings,
    config: FetcherConfig,
    listener: socket.socket,
    counts_folder: Path | None,
    number: int,
    send_heartbeat: Callable[[], None],
) -> None:
    """Serve in this process; only the one with number 0 migrates and seeds the database.

    `send_heartbeat` is called every second while the event loop runs.
    """
    configure_logs(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    url = base_url(listener)
    with closing(open_database(settings)) as database:
        callbacks = StartupCallbacks(
            on_migrated=lambda: print_admin_key(ApiKeys(database.unit_of_work), url),
            on_seeded=lambda: print_next_steps(url),
        )
        shutdown = ShutdownSignal()
        preparation = None if number else callbacks
        app = build_app(settings, config, database, preparation, counts_folder, shutdown)
        server = _Server(_uvicorn_config(app, settings), shutdown, send_heartbeat)
        _run(server, listener)


def bind_socket(settings: Settings) -> socket.socket:
    """Return a listening socket on HOST and PORT; connections queue up until they are served.

    Raises:
        InvalidSetting: the address is in use, or does not belong to this machine.
    """
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InvalidSetting(
            f"HOST and PORT: cannot listen on {settings.host} port {settings.port} "
            f"({error.strerror}): set other values."
        ) from None
    listener.listen(_BACKLOG)
    return listener


def base_url(listener: socket.socket) -> str:
    """Return the URL of the socket, as seen from this machine."""
    host, port = listener.getsockname()[:2]
    host = _LOCAL.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn server with heartbeats, and a shutdown signal that ends long polls.

    A second signal ends the process at once: Uvicorn would cancel the app, and log the traceback.
    A supervised process leaves that to its supervisor, whose signal may be the second one.
    """

    def __init__(
        self, config: uvicorn.Config, shutdown: ShutdownSignal, send_heartbeat: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._shutdown = shutdown
        self._send_heartbeat = send_heartbeat

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            self._send_heartbeat()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._shutdown.is_set() and multiprocessing.parent_process() is None:
            os._exit(ExitCode.DONE)
        self._shutdown.trigger()
        force_exit_after(EXIT_SECONDS, ExitCode.DONE)
        super().handle_exit(sig, frame)


def is_not_cancellation(record: logging.LogRecord) -> bool:
    """Return True, unless a log record is about a request that a shutdown cancelled.

    Uvicorn logs a traceback for each such request, and one line with their number.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    protocol = with_cache(app) if isinstance(app, ResponseCacheMiddleware) else LimitedHttpProtocol
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=with_limits(
            protocol,
            max_header_bytes=settings.max_header_bytes,
            request_timeout_seconds=settings.request_timeout_seconds,
        ),
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _run(server: _Server, listener: socket.socket) -> None:
    # Uvicorn handles these signals while it serves, and raises the received one again afterwards.
    # A requested shutdown is no failure, so the process exits with 0.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit_successfully)
    logging.getLogger("uvicorn.error").addFilter(is_not_cancellation)
    server.run(sockets=[listener])


def _exit_successfully(_number: int, _frame: FrameType | None) -> None:
    """Exit with 0: no request is in flight before and after serving."""
    raise SystemExit(ExitCode.DONE)
