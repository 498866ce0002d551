"""Test of Swagger UI in a real browser."""

import subprocess
from pathlib import Path

import pytest

from conftest import RequireProgram
from movies_service.tests.service_process import running

pytestmark = [pytest.mark.integration, pytest.mark.system]


def test_a_browser_renders_all_operations_without_policy_violations(
    tmp_path: Path, require_program: RequireProgram
) -> None:
    with running(tmp_path, MOVIES_SEED="off") as service:
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
        rendered = subprocess.run(
            [
                require_program("chromium"),
                *options,
                f"--user-data-dir={tmp_path / 'profile'}",
                "--virtual-time-budget=10000",
                "--dump-dom",
                f"{service.url()}/docs",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    for summary in (
        "List movies",
        "Change a movie",
        "Log in",
        "Rotate an API key",
        "List audit entries",
    ):
        assert summary in rendered.stdout
    assert "Content Security Policy" not in rendered.stderr
