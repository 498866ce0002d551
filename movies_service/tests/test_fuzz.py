"""Fuzzing of the service by schemathesis, from its OpenAPI document; `make fuzz` runs longer."""

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data_layer.database import Database
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.tests.service_process import running

pytestmark = pytest.mark.integration

CASES = os.environ.get("FUZZ_CASES", "1")
"""Maximum number of generated cases of each operation and phase."""

CONFIG = Path(__file__).with_name("schemathesis.toml")
_GENERATED = re.compile(r"^ +([0-9]+) generated", re.MULTILINE)


def test_service_conforms_to_its_openapi_document(tmp_path: Path) -> None:
    limits = {f"MOVIES_RATE_LIMIT_{name}": "off" for name in ("REQUESTS", "ADDS", "LOGINS")}
    with running(tmp_path, **limits) as service:
        document = f"{service.url()}/openapi.json"
        service.read_until("Ready")
        with closing(Database(f"sqlite:///{tmp_path / 'movies.db'}")) as database:
            key = ApiKeys(database.unit_of_work).create("fuzzer", {Scope.ADMIN}).secret
        schemathesis = Path(sys.executable).with_name("st")
        run = subprocess.run(
            [schemathesis, "--config-file", CONFIG, "run", document, "--max-examples", CASES],
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "FUZZ_API_KEY": key},
            check=False,
        )
    print(run.stdout)
    assert run.returncode == 0
    assert "Traceback" not in service.log.read_text()
    assert int(_GENERATED.findall(run.stdout)[-1]) > 300
