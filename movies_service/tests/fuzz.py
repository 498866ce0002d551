"""The service, fuzzed by schemathesis on the document that it serves: `make fuzz`.

Usage: python -m movies_service.tests.fuzz [--cases N] [--seed N]
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from data_layer.database import Database
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.tests.service_process import running

CONFIG = Path(__file__).with_name("schemathesis.toml")
_CASES = re.compile(r"^ +([0-9]+) generated", re.MULTILINE)
_PHASES = "examples,coverage,fuzzing,stateful"
_LONG = 100_000
"""A run that goes on until there were enough cases."""


class Fuzzed:
    """What came of a run."""

    def __init__(self, output: str, exit_code: int, log: str) -> None:
        self.output = output
        self.is_clean = exit_code == 0 and "Traceback" not in log
        cases = _CASES.findall(output)
        self.cases = int(cases[-1]) if cases else 0


def fuzz(folder: Path, seed: int, examples: int) -> Fuzzed:
    """Fuzz a service on a new SQLite file, with a key that may do everything.

    Args:
        folder: for the database and the log.
        seed: of what is made up.
        examples: at most so many for each operation, in each phase that makes some up.
    """
    limits = {f"MOVIES_LIMIT_{name}": "off" for name in ("REQUESTS", "ADDS", "LOGINS")}
    with running(folder, **limits) as service:
        url = service.url()
        service.read_until("Ready")
        database = Database(f"sqlite:///{folder / 'movies.db'}")
        key = ApiKeys(database.unit_of_work).create("fuzzer", {Scope.ADMIN}).secret
        database.close()
        command = [
            str(Path(sys.executable).with_name("st")),
            "--config-file",
            str(CONFIG),
            "run",
            f"{url}/openapi.json",
            *("--header", f"X-API-Key: {key}", "--phases", _PHASES, "--checks", "all"),
            *("--max-examples", str(examples), "--seed", str(seed)),
            # A title may end in /refresh: that path takes what films take. test_edges.py has Allow.
            *("--exclude-checks", "allow_header_conformance"),
            *("--continue-on-failure", "--no-color", "--generation-database", "none"),
        ]
        run = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        return Fuzzed(run.stdout + run.stderr, run.returncode, service.log.read_text())


def main() -> int:
    """Fuzz until there were enough cases; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    cases, seed = 0, wanted.seed
    while cases < wanted.cases:
        with tempfile.TemporaryDirectory() as folder:
            fuzzed = fuzz(Path(folder), seed, examples=100)
        if not fuzzed.is_clean:
            print(fuzzed.output)
            print(f"Seed {seed} has found something.")
            return 1
        cases += fuzzed.cases
        print(f"{cases} cases, no failure.", flush=True)
        seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
