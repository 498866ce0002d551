"""The documentation, in a real browser."""

import subprocess
from pathlib import Path

import pytest

from conftest import RequireProgram
from movies_service.tests.service_process import running

pytestmark = pytest.mark.integration


def test_a_browser_shows_every_call_under_the_policy_of_the_page(
    tmp_path: Path, require_program: RequireProgram
) -> None:
    with running(tmp_path, MOVIES_SEED="off") as service:
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
        shown = subprocess.run(
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
    for summary in ("List films", "Change a film", "Sign in", "Rotate a key", "See who did what"):
        assert summary in shown.stdout
    assert "Content Security Policy" not in shown.stderr
