"""A short run of `make fuzz`."""

from pathlib import Path

import pytest

from movies_service.tests.fuzz import fuzz

pytestmark = pytest.mark.integration


def test_the_service_does_what_its_document_says(tmp_path: Path) -> None:
    fuzzed = fuzz(tmp_path, seed=1, examples=3)
    assert fuzzed.is_clean, fuzzed.output[-10_000:]
    assert fuzzed.cases > 500
