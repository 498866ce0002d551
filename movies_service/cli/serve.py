"""The command `serve`: migrate, seed, serve, and stop in time."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.errors import DatabaseUnreachable, InvalidSetting
from common.logging_setup import configure_logs
from common.settings import Settings
from common.shutdown import Stopping
from data_fetcher.ingest.bootstrap import open_source
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_layer.bootstrap import open_database
from movies_service.accounts.api_keys import ApiKeys
from movies_service.bootstrap import build_app
from movies_service.cli.startup_messages import print_address, print_admin_key, print_next_steps
from movies_service.response_cache.middleware import AnswerCache
from movies_service.server.cached_protocol import with_cache
from movies_service.server.limited_protocol import GuardedHttpProtocol, with_bounds
from movies_service.server.supervisor import Processes
from movies_service.startup import Preparation

STOP_SECONDS = 6
"""How long requests in flight get to end; Cloud Run kills after 10, we promise 8."""

END_SECONDS = 1.5
"""How long the process gets to end by itself after that."""

SWITCH_SECONDS = 0.0002
"""How long a thread that stores films may keep the event loop waiting; by default it is 0.005."""

_BACKLOG = 2048
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - Where such a socket is reached.


def serve() -> None:
    """Serve the API; migrates the database and seeds it first, where need be.

    SIGINT and SIGTERM stop it within 8 seconds, with requests in flight answered; a second
    one stops it at once. Where a database server can't be reached, it waits for it.
    """
    with command_settings() as settings:
        settings.find_omdb_key()
        settings.find_jwt_secrets()
        if settings.ingest_source is not None:
            open_source(settings, settings.ingest_source)
        config = load_fetcher_config()
        with closing(open_database(settings)) as database, suppress(DatabaseUnreachable):
            database.migrate()
        with closing(listen(settings)) as listener:
            print_address(url_of(listener))
            if settings.processes == 1:
                _serve_one(settings, config, listener, None, 0)
            else:
                _serve_many(settings, config, listener)


def _serve_many(settings: Settings, config: FetcherConfig, listener: socket.socket) -> None:
    with TemporaryDirectory(prefix="movies-counts-") as folder:
        work = partial(_serve_one, settings, config, listener, Path(folder))
        Processes(settings.processes, work).run()


def _serve_one(
    settings: Settings,
    config: FetcherConfig,
    listener: socket.socket,
    counts_folder: Path | None,
    number: int,
) -> None:
    """Serve, in this process; the first one prepares the catalogue for all."""
    configure_logs(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    url = url_of(listener)
    with _ending_soon(), closing(open_database(settings)) as database:
        preparation = Preparation(
            on_migrated=lambda: print_admin_key(ApiKeys(database.unit_of_work), url),
            on_seeded=lambda: print_next_steps(url),
        )
        stopping = Stopping()
        prepare = None if number else preparation
        app = build_app(settings, config, database, prepare, counts_folder, stopping)
        _run(app, listener, settings, stopping)


@contextmanager
def _ending_soon() -> Iterator[None]:
    """After the context, end even if a thread waits for a database that does not answer."""
    try:
        yield
    finally:
        end = threading.Timer(END_SECONDS, os._exit, [ExitCode.DONE])
        end.daemon = True
        end.start()


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where the settings say; connections wait until served.

    Raises:
        InvalidSetting: the address is taken or is not one of this machine.
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
            f"HOST and PORT: can't listen on {settings.host} port {settings.port} "
            f"({error.strerror}): set other ones."
        ) from None
    listener.listen(_BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL under which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = _LOCAL.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Tells the app at once that it is to stop: who is kept waiting need not wait for that."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)


def _run(app: ASGIApp, listener: socket.socket, settings: Settings, stopping: Stopping) -> None:
    # Uvicorn takes these signals over while it serves, and raises the one that stopped it again
    # when it has stopped: a command that stops when it is told to has not failed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    protocol = with_cache(app) if isinstance(app, AnswerCache) else GuardedHttpProtocol
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            http=with_bounds(
                protocol,
                max_head_bytes=settings.max_head_bytes,
                request_timeout_seconds=settings.request_timeout_seconds,
            ),
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        ),
        stopping,
    )
    server.run(sockets=[listener])


def _end(_number: int, _frame: FrameType | None) -> None:
    """End well: nothing is served yet, or any more."""
    raise SystemExit(ExitCode.DONE)
