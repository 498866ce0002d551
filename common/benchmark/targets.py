"""Targets of the benchmark: the service and its baselines, as server processes."""

import base64
import getpass
import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import requests

from common.benchmark.baselines import raw_asgi, textbook
from common.benchmark.processors import Processors
from common.benchmark.servers import CommandFor, Server, served

_NGINX_CONFIGURATION = Path(__file__).with_name("templates") / "nginx.conf"

NGINX_FOLDERS = ":/usr/sbin:/usr/local/sbin"
"""Common folders of nginx that are often missing from `PATH`."""

_SERVER_HEADERS = {"date", "connection", "transfer-encoding"}
"""Headers that the HTTP server adds, which a replay must not repeat."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded response of the service, for targets that replay it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def record(url: str, headers: Mapping[str, str] | None = None) -> Recorded:
    """Send a request without content encoding, and record the response."""
    identity = {"Accept-Encoding": "identity"}
    response = requests.get(url, headers={**identity, **(headers or {})}, timeout=60)
    return Recorded(
        response.status_code,
        tuple(
            (name.lower(), value)
            for name, value in response.headers.items()
            if name.lower() not in _SERVER_HEADERS
        ),
        response.content,
    )


@dataclass(frozen=True, slots=True)
class TargetFactory:
    """Starter of targets on the given processors, with configurations and logs in a folder."""

    folder: Path
    processors: Processors

    def service(
        self, database_url: str, cache: str, *, processes: int = 1
    ) -> AbstractContextManager[Server]:
        """Start the service with its cache `on` or `off`, in the given number of processes."""
        return self._served(
            f"service-cache-{cache}-{processes}",
            lambda _port: [sys.executable, "-m", "movies_service", "serve"],
            "/movies",
            {
                "DATABASE_URL": database_url,
                "MOVIES_CACHE": cache,
                "MOVIES_PROCESSES": str(processes),
                "MOVIES_SEED": "off",
                "MOVIES_ACCESS_LOG": "off",
                # The limit is never reached, but its cost is measured.
                "MOVIES_RATE_LIMIT_REQUESTS": "100000000000/day",
            },
        )

    def textbook(self, database_url: str) -> AbstractContextManager[Server]:
        """Start the textbook app, on the same HTTP server as the service."""
        return self._served(
            "textbook",
            _uvicorn(textbook.__name__),
            "/movies",
            {textbook.DATABASE_VARIABLE: database_url},
        )

    def datasette(self, catalogue: Path) -> AbstractContextManager[Server]:
        """Start Datasette on the same file, without facet suggestions, which would slow it down."""
        return self._served(
            f"datasette-{catalogue.stem}",
            lambda port: [
                *(sys.executable, "-m", "datasette", "serve", str(catalogue)),
                *("--port", str(port), "--setting", "suggest_facets", "off"),
            ],
            "/-/versions.json",
        )

    def raw_asgi(self, responses: Mapping[str, Recorded]) -> AbstractContextManager[Server]:
        """Start the raw ASGI app with these responses by path, on the service's HTTP server."""
        file = self.folder / "responses.json"
        documents = {
            path: {
                "status": response.status,
                "headers": response.headers,
                "body": base64.b64encode(response.body).decode(),
            }
            for path, response in responses.items()
        }
        file.write_text(json.dumps(documents))
        return self._served(
            "raw-asgi",
            _uvicorn(raw_asgi.__name__),
            next(iter(responses)),
            {raw_asgi.RESPONSES_VARIABLE: str(file)},
        )

    def nginx(self, responses: Mapping[str, Recorded]) -> AbstractContextManager[Server]:
        """Start nginx with the bodies of these responses as static files, by path."""
        for path, response in responses.items():
            file = self.folder / f"static{path}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(response.body)

        def command(port: int) -> list[str]:
            configuration = self.folder / "nginx.conf"
            template = Template(_NGINX_CONFIGURATION.read_text())
            values = {"folder": self.folder, "port": port, "user": getpass.getuser()}
            configuration.write_text(template.substitute(values))
            errors = str(self.folder / "nginx-errors.log")
            return [_find_nginx() or "nginx", "-c", str(configuration), "-e", errors]

        return self._served("nginx", command, next(iter(responses)))

    def _served(
        self,
        name: str,
        command_for: CommandFor,
        path: str,
        environment: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Server]:
        return served(
            command_for,
            path,
            self.folder / f"{name}.log",
            environment=environment,
            processors=self.processors,
        )


def is_nginx_installed() -> bool:
    """Return whether nginx is installed."""
    return _find_nginx() is not None


def _find_nginx() -> str | None:
    return shutil.which("nginx", path=os.environ["PATH"] + NGINX_FOLDERS)


def _uvicorn(module: str) -> CommandFor:
    def command(port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "uvicorn", "--factory", f"{module}:create_app"),
            *("--port", str(port), "--log-level", "warning"),
            *("--no-access-log", "--no-server-header"),
        ]

    return command
