import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import cast
from urllib.error import HTTPError

import pytest
from fastapi.testclient import TestClient

from data_fetcher.emulator.movies import load_movies
from data_layer.entities.movie import MovieFacts
from movies_service.accounts.api_keys import ApiKeys
from movies_service.cli import startup_messages
from movies_service.tests.conftest import SmallOmdb
from movies_service.tests.service_process import running

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
URL = "http://127.0.0.1:8080"

DIVIDER = "-- next --"


def read_steps(document: Path) -> Iterator[tuple[str, str]]:
    """Yield each command of a document's console blocks, and the output printed below it."""
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _line_feed, output = step.partition("\n")
            yield command, output


@pytest.mark.integration
@pytest.mark.parametrize(("document", "steps_min"), [(README, 3), (TUTORIAL, 16)])
def test_each_command_prints_what_the_document_shows(
    document: Path, steps_min: int, tmp_path: Path
) -> None:
    steps = list(read_steps(document))
    assert len(steps) >= steps_min
    with running(tmp_path) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        script = f"\necho '{DIVIDER}'\n".join(command for command, _output in steps)
        script = script.replace(URL, url).replace(".venv/bin/python", sys.executable)
        printed = subprocess.run(
            ["sh", "-c", script],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "DATABASE_URL": f"sqlite:///{tmp_path / 'movies.db'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout
    assert printed.split(f"{DIVIDER}\n") == [output for _command, output in steps]


@pytest.mark.integration
def test_the_python_examples_run(
    client: TestClient,
    omdb: SmallOmdb,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def urlopen(request: str | urllib.request.Request) -> BytesIO:
        if isinstance(request, str):
            request = urllib.request.Request(request)
        url, headers = request.full_url, dict(request.header_items())
        body = cast("bytes | None", request.data)
        response = client.request(request.get_method(), url, content=body, headers=headers)
        content = BytesIO(response.content)
        if response.is_error:
            raise HTTPError(url, response.status_code, "", Message(), content)
        return content

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    text = (ROOT / "docs" / "how-to" / "call-from-python.md").read_text(encoding="utf-8")
    read_all, add = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    omdb.movies = [MovieFacts(title="Brazil", year=1985, genres=("Western",))]
    for example in (add.replace("Brazil", "Unknown"), add, read_all):
        exec(example, {})  # noqa: S102 - The examples of the guide.
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if "[info" not in line] == [
        "404 not-found",
        "/movies/1",
        "Brazil 1985",
    ]


class FirstKey:
    def create_first(self, show: Callable[[str], None]) -> None:
        show("mvs_0123abcd_…")


def test_readme_shows_the_startup_messages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    startup_messages.print_address(URL)
    startup_messages.print_admin_key(cast("ApiKeys", FirstKey()), URL)
    startup_messages.print_next_steps(URL)
    readme = README.read_text(encoding="utf-8")
    printed = capsys.readouterr().out.splitlines()
    assert "omdb_emulator_started" in readme
    assert [line for line in printed if f"{line}\n" not in readme] == []


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def test_readme_states_the_number_of_emulated_movies() -> None:
    assert f"knows {len(load_movies())} movies" in README.read_text(encoding="utf-8")
