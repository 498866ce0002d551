"""Changes the code in small ways, one at a time, and counts what no test notices: `make mutants`.

Usage: python -m movies_service.tests.mutation_testing [NAME ...]
"""

import argparse
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from movies_service.tests.service_process import ROOT

SCORE_MIN = 0.9
AT_ONCE = 2
_BIN = Path(sys.executable).parent

_SERVICE = "movies_service/tests"
TARGETS = {
    "data_fetcher/omdb/responses.py": "data_fetcher/tests/test_omdb_responses.py",
    "data_fetcher/omdb/field_parsers.py": "data_fetcher/tests/test_omdb_field_parsers.py"
    " data_fetcher/tests/test_omdb_responses.py",
    "data_layer/sql/unit_of_work.py": "data_layer/tests/test_unit_of_work.py"
    " data_layer/tests/test_movie_repository.py data_layer/tests/test_account_repositories.py"
    " movies_service/tests/test_database_faults.py",
    "movies_service/api/dependencies/authentication.py": f"{_SERVICE}/test_api_keys.py {_SERVICE}/test_tokens.py"
    f" {_SERVICE}/test_users.py {_SERVICE}/test_change_movies.py {_SERVICE}/test_limits.py",
    "movies_service/accounts/access_tokens.py": f"{_SERVICE}/test_tokens.py",
    "movies_service/accounts/api_key_format.py": f"{_SERVICE}/test_use_cases.py",
    "movies_service/accounts/passwords.py": f"{_SERVICE}/test_users.py {_SERVICE}/test_tokens.py",
    "movies_service/accounts/sessions.py": f"{_SERVICE}/test_users.py {_SERVICE}/test_tokens.py"
    f" {_SERVICE}/test_limits.py {_SERVICE}/test_audit.py",
    "movies_service/accounts/signing_keys.py": f"{_SERVICE}/test_tokens.py"
    f" {_SERVICE}/test_idempotency.py",
}
"""What is changed, and the tests that have to notice."""

_CONFIG = """[cosmic-ray]
module-path = "{module}"
timeout = 240.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""
"""`X | None` is no operation, and a type that makes no sense is no behaviour."""

_RESULTS = """SELECT test_outcome, operator_name, start_pos_row, diff
    FROM work_results JOIN mutation_specs USING (job_id) WHERE worker_outcome = 'NORMAL'"""


@dataclass(frozen=True)
class Mutants:
    """What came of the changes of one module."""

    module: str
    count: int
    survivors: list[str]

    @property
    def score(self) -> float:
        """The part that was noticed."""
        return 1 - len(self.survivors) / self.count


def try_mutants(module: str) -> Mutants:
    """Change a module of a copy of the project."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "html", "*.db*"))
        session = f"{folder}/session.sqlite"
        config = Path(folder) / "mutants.toml"
        config.write_text(
            _CONFIG.format(module=module, python=sys.executable, tests=TARGETS[module])
        )
        for command in (
            f"cosmic-ray init {config} {session}",
            f"cr-filter-operators {session} {config}",
            f"cosmic-ray exec {config} {session}",
        ):
            program, *arguments = shlex.split(command)
            environment = {"PYTHONPATH": str(copy), "PATH": f"{_BIN}:/usr/sbin:/usr/bin:/bin"}
            subprocess.run([_BIN / program, *arguments], cwd=copy, env=environment, check=True)
        rows = sqlite3.connect(session).execute(_RESULTS).fetchall()
    survivors = [
        f"{module}:{row} {operator}\n{diff}"
        for outcome, operator, row, diff in rows
        if outcome == "SURVIVED"
    ]
    return Mutants(module, len(rows), survivors)


def main() -> int:
    """Try all modules, or those whose names hold one of the words; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", default=[""])
    words = parser.parse_args().words
    modules = [module for module in TARGETS if any(word in module for word in words)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        results = []
        for mutants in threads.map(try_mutants, modules):
            results.append(mutants)
            print("\n".join(mutants.survivors))
            print(f"{mutants.module}: {mutants.score:.3f} of {mutants.count}", flush=True)
    count = sum(mutants.count for mutants in results)
    survivors = sum(len(mutants.survivors) for mutants in results)
    print(f"All: {1 - survivors / count:.3f} of {count}")
    return int(1 - survivors / count < SCORE_MIN)


if __name__ == "__main__":
    sys.exit(main())
