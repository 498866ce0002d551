"""Fuzzing of the service by schemathesis, from its OpenAPI document; `make fuzz` runs longer."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute

from data_layer.database import Database
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import create_api
from movies_service.tests.service_process import Service, running, url_of

pytestmark = pytest.mark.integration

CASES = os.environ.get("FUZZ_CASES", "")
"""Maximum number of generated cases of each operation and phase; empty for a short run."""

QUICK = ("--max-examples", "1", "--phases", "examples,fuzzing,stateful")
"""Options of a short run, which leaves out the thousands of cases of the coverage phase."""

CONFIG = Path(__file__).with_name("schemathesis.toml")
_GENERATED = re.compile(r"^ +([0-9]+) generated", re.MULTILINE)

on_each_database = pytest.mark.parametrize(
    "any_database",
    ["sqlite", *(pytest.param(name, marks=pytest.mark.soak) for name in ("postgresql", "mariadb"))],
    indirect=True,
)


@contextmanager
def fuzzed_service(tmp_path: Path, database: Database) -> Iterator[Service]:
    """Yield a service without rate limits on a database."""
    limits = {f"MOVIES_RATE_LIMIT_{name}": "off" for name in ("REQUESTS", "ADDS", "LOGINS")}
    with running(tmp_path, DATABASE_URL=url_of(database), **limits) as service:
        yield service


def fuzz(tmp_path: Path, database: Database, *options: str | Path) -> int:
    """Run schemathesis, and return the number of generated cases.

    Raises:
        AssertionError: a check failed.
    """
    key = ApiKeys(database.unit_of_work).create("fuzzer", {Scope.ADMIN}).secret
    run = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            *("--config-file", CONFIG),
            "run",
            *options,
            *(("--max-examples", CASES) if CASES else QUICK),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "FUZZ_API_KEY": key},
        check=False,
    )
    print(run.stdout)
    assert run.returncode == 0
    return int(_GENERATED.findall(run.stdout)[-1])


@on_each_database
def test_service_conforms_to_its_openapi_document(tmp_path: Path, any_database: Database) -> None:
    with fuzzed_service(tmp_path, any_database) as service:
        document = f"{service.url()}/openapi.json"
        service.read_until("Ready")
        assert fuzz(tmp_path, any_database, document) > 100
    assert "Traceback" not in service.log.read_text()


METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
HEADERS = ("Range", "If-None-Match", "Authorization", "Idempotency-Key", "Prefer")
TEMPLATES = ("/{name}", "/movies/7/{name}", "/fetches/7/{name}")
"""Paths of which most have no route."""


def paths_of(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Yield the path templates of routes, and of the routers among them."""
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from paths_of(router.routes) if router else [route.path_format]  # type: ignore[attr-defined]  # Every other route has it.


def undocumented_paths() -> list[str]:
    """Return the path templates that the OpenAPI document of the service lacks."""
    api = create_api()
    return sorted(set(paths_of(api.routes)) - set(api.openapi()["paths"]))


def any_operation_on(path: str) -> dict[str, Any]:
    """Return the OpenAPI description of a path that accepts everything."""
    text = {"type": "string"}
    query = {"in": "query", "name": "any", "schema": {"additionalProperties": text}}
    headers = [{"in": "header", "name": name, "schema": text} for name in HEADERS]
    names = re.findall(r"{(\w+)}", path)
    in_path = [{"in": "path", "name": name, "required": True, "schema": text} for name in names]
    operation = {
        "responses": {"default": {"description": "Any."}},
        "requestBody": {"content": {"application/json": {"schema": {}}}},
    }
    return {"parameters": [query, *headers, *in_path], **dict.fromkeys(METHODS, operation)}


def test_finds_the_paths_outside_the_openapi_document() -> None:
    assert undocumented_paths() == [
        "/docs",
        "/docs/files/{path}",
        "/docs/start.js",
        "/internal/pubsub/fetch",
        "/openapi.json",
    ]


@on_each_database
def test_paths_outside_the_openapi_document_never_fail(
    tmp_path: Path, any_database: Database
) -> None:
    document = tmp_path / "undocumented.json"
    paths = {path: any_operation_on(path) for path in [*undocumented_paths(), *TEMPLATES]}
    info = {"title": "Paths outside the OpenAPI document", "version": "1"}
    document.write_text(json.dumps({"openapi": "3.1.0", "info": info, "paths": paths}))
    with fuzzed_service(tmp_path, any_database) as service:
        url = service.url()
        service.read_until("Ready")
        options = ("--url", url, "--checks", "not_a_server_error", "--phases", "fuzzing")
        assert fuzz(tmp_path, any_database, document, *options) > 50
    assert "Traceback" not in service.log.read_text()
