"""Google's Pub/Sub emulator as a fixture, in a separate process."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_JAR = "cloud-pubsub-emulator-*-all.jar"
_SDK_FOLDERS = ("/usr/lib/google-cloud-sdk", "/usr/share/google-cloud-sdk", "/opt/google-cloud-sdk")
_START_SECONDS = 60


def find_jar() -> Path | None:
    """Return the path of the emulator from PUBSUB_EMULATOR_JAR or from gcloud; None without one."""
    if path := os.environ.get("PUBSUB_EMULATOR_JAR"):
        return Path(path)
    gcloud = shutil.which("gcloud")
    folders = [Path(each) for each in _SDK_FOLDERS]
    if gcloud:
        folders.append(Path(gcloud).resolve().parents[1])
    for folder in folders:
        for jar in sorted((folder / "platform/pubsub-emulator/lib").glob(_JAR)):
            return jar
    return None


@pytest.fixture(scope="session")
def pubsub_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield host and port of a running emulator; skip the test if none is installed."""
    jar, java = find_jar(), shutil.which("java")
    if jar is None or java is None:
        pytest.skip("Google's Pub/Sub emulator is not installed: gcloud components install")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("pubsub") / "log.txt"
    command = [java, "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        deadline = time.monotonic() + _START_SECONDS
        while "Server started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
        process.terminate()
