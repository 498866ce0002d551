"""The service and those it is compared with: how each is started."""

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

import requests

from common.benchmark.baselines import raw_asgi, textbook
from common.benchmark.processors import Processors
from common.benchmark.servers import CommandFor, Server, served

_NGINX_CONFIGURATION = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=100;
    default_type application/json;
    client_body_temp_path {folder}/nginx-bodies;
    proxy_temp_path {folder}/nginx-proxied;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/static;
    }}
}}
"""

NGINX_FOLDERS = ":/usr/sbin:/usr/local/sbin"
"""Where it is often, beside the folders of PATH."""

_OF_THE_SERVER = {"date", "connection", "transfer-encoding"}
"""Headers that the server adds by itself."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer of the service, for those who can only repeat it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def record(url: str, headers: Mapping[str, str] | None = None) -> Recorded:
    """Ask the service for an answer."""
    plain = {"Accept-Encoding": "identity"}
    answer = requests.get(url, headers={**plain, **(headers or {})}, timeout=60)
    return Recorded(
        answer.status_code,
        tuple(
            (name.lower(), value)
            for name, value in answer.headers.items()
            if name.lower() not in _OF_THE_SERVER
        ),
        answer.content,
    )


@dataclass(frozen=True, slots=True)
class Arena:
    """Where contenders run.

    Args:
        folder: for their configurations and logs.
        processors: what each of them may use.
    """

    folder: Path
    processors: Processors

    def service(
        self, database_url: str, cache: str, *, processes: int = 1
    ) -> AbstractContextManager[Server]:
        """Give the service, with its cache `on` or `off`, in so many processes."""
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
                "MOVIES_LIMIT_REQUESTS": "100000000000/day",  # Counted, and never reached.
            },
        )

    def textbook(self, database_url: str) -> AbstractContextManager[Server]:
        """Give the app that tutorials write, on the server of the service."""
        return self._served(
            "textbook",
            _uvicorn(textbook.__name__),
            "/movies",
            {textbook.DATABASE_VARIABLE: database_url},
        )

    def datasette(self, catalogue: Path) -> AbstractContextManager[Server]:
        """Give Datasette on the same file; it suggests no facets, which would cost it time."""
        return self._served(
            f"datasette-{catalogue.stem}",
            lambda port: [
                *(sys.executable, "-m", "datasette", "serve", str(catalogue)),
                *("--port", str(port), "--setting", "suggest_facets", "off"),
            ],
            "/-/versions.json",
        )

    def raw_asgi(self, answers: Mapping[str, Recorded]) -> AbstractContextManager[Server]:
        """Give the least that Python can do, on the server of the service."""
        file = self.folder / "answers.json"
        documents = {
            path: {
                "status": answer.status,
                "headers": answer.headers,
                "body": base64.b64encode(answer.body).decode(),
            }
            for path, answer in answers.items()
        }
        file.write_text(json.dumps(documents))
        return self._served(
            "raw-asgi",
            _uvicorn(raw_asgi.__name__),
            next(iter(answers)),
            {raw_asgi.ANSWERS_VARIABLE: str(file)},
        )

    def nginx(self, answers: Mapping[str, Recorded]) -> AbstractContextManager[Server]:
        """Give nginx with the bodies of these answers as files."""
        for path, answer in answers.items():
            file = self.folder / f"static{path}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(answer.body)

        def command(port: int) -> list[str]:
            configuration = self.folder / "nginx.conf"
            configuration.write_text(
                _NGINX_CONFIGURATION.format(folder=self.folder, port=port, user=getpass.getuser())
            )
            errors = str(self.folder / "nginx-errors.log")
            return [_find_nginx() or "nginx", "-c", str(configuration), "-e", errors]

        return self._served("nginx", command, next(iter(answers)))

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
    """Tell whether there is a static server to compare with."""
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
