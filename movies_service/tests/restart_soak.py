"""Soak test: rolling restarts of two services behind nginx, beside reads: `make soak-restarts`.

Usage: python -m movies_service.tests.restart_soak [--restarts N]
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from common.cli.progress import ProgressBar
from movies_service.tests.service_process import Service, running

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream movies {{
        server 127.0.0.1:{ports[0]} max_fails=0;
        server 127.0.0.1:{ports[1]} max_fails=0;
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://movies;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_next_upstream error timeout http_503;
        }}
    }}
}}
"""


@dataclass
class RestartResult:
    """Number of reads, and of those that failed."""

    restarts: int = 0
    reads: int = 0
    errors: int = 0


def soak(folder: Path, restarts: int, readers: int = 4) -> RestartResult:
    """Restart two services in turns while clients read through nginx, and count failed reads."""
    result, ports, is_over = RestartResult(), [_free_port() for _ in range(3)], threading.Event()
    settings = {"MOVIES_RATE_LIMIT_REQUESTS": "off", "MOVIES_ACCESS_LOG": "off"}
    with ExitStack() as stack:
        services = []
        for port in ports[:2]:
            service = stack.enter_context(running(folder, PORT=str(port), **settings))
            service.read_until("Ready. Try:")
            services.append(service)
        stack.enter_context(_nginx(folder, ports))
        url = f"http://127.0.0.1:{ports[2]}"
        threads = [
            threading.Thread(target=_read, args=(url, is_over, result)) for _ in range(readers)
        ]
        for thread in threads:
            thread.start()
        with ProgressBar("Restarting", "times") as progress:
            while result.restarts < restarts:
                number = result.restarts % 2
                services[number].stop()
                services[number] = stack.enter_context(
                    running(folder, PORT=str(ports[number]), **settings)
                )
                _wait_until_ready(services[number])
                result.restarts += 1
                progress.update(result.restarts, restarts)
        is_over.set()
        for thread in threads:
            thread.join()
    return result


def _wait_until_ready(service: Service) -> None:
    url = service.url()
    while not requests.get(f"{url}/health/ready", timeout=10).ok:
        time.sleep(0.05)


@contextmanager
def _nginx(folder: Path, ports: list[int]) -> Iterator[None]:
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, ports=ports[:2], port=ports[2]))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with subprocess.Popen([program, "-c", configuration, "-p", folder]) as process:
        _wait_until_connectable(ports[2])
        yield
        process.terminate()


def _wait_until_connectable(port: int) -> None:
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)


def _read(url: str, is_over: threading.Event, result: RestartResult) -> None:
    with requests.Session() as client:
        number = 0
        while not is_over.is_set():
            number += 1
            try:
                is_read = client.get(f"{url}/movies/{1 + number % 100}", timeout=10).ok
            except requests.RequestException:
                is_read = False
            result.reads += 1
            result.errors += not is_read
            time.sleep(0.005)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    """Run the soak test on a new catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), parser.parse_args().restarts)
    print(f"{result.restarts} restarts, {result.reads} reads, {result.errors} failed")
    sys.exit(bool(result.errors))


if __name__ == "__main__":
    main()
