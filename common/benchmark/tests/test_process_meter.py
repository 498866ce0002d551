import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from common.benchmark.process_meter import ProcessMeter

MEBIBYTE = 2**20


def test_measures_this_process() -> None:
    with ProcessMeter() as meter:
        memory = bytearray(b"x") * (64 * MEBIBYTE)
        time.sleep(0.05)  # Leaves time for a sample at the peak.
        del memory
    assert meter.wall_seconds >= 0.05
    assert meter.cpu_seconds > 0
    assert meter.peak_bytes - meter.start_bytes > 50 * MEBIBYTE


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    """Yield a waiting process with a child that uses CPU time."""
    child = "import time\nprint(flush=True)\nwhile True: sum(range(1000))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=True)


def test_measures_another_process_with_its_children(family: subprocess.Popen[str]) -> None:
    with ProcessMeter(family.pid) as meter:
        time.sleep(0.3)  # Leaves time for the child to use CPU time.
    assert meter.cpu_seconds > 0.05
    assert meter.peak_bytes >= meter.start_bytes > MEBIBYTE
