import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REGISTRY = re.compile(rb"pypi\.org")

UV_CALLS = 'echo "uv $*" >> calls\n'
PIP_CALLS = 'case "$*" in *" install "*) echo "pip $*" >> calls ;; esac\n'
NOT_REACHED = 'echo "requests.exceptions.ConnectionError: no route to host" >&2\nexit 1\n'
NOT_KNOWN = 'echo "pip: Dependency not found and could not be audited: pip (24.0)" >&2\nexit 1\n'
NO_HOLES = 'echo "No known vulnerabilities found"\n'
FINDS = (
    'case "$*" in *stdin) echo "Found 1 known vulnerability in 1 package" >&2; exit 1 ;; esac\n'
    "echo audited\n"
)
FINDS_IN_ALL = 'echo "Found 1 known vulnerability in 1 package" >&2\nexit 1\n'


class Checkout:
    """A folder with the Makefile and an environment whose programs are scripts of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "requirements.txt", "dev-requirements.txt"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        self.add("python", PIP_CALLS)

    def add(self, program: str, script: str) -> None:
        path = self.folder / ".venv" / "bin" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)

    def touch(self, name: str) -> None:
        (self.folder / ".venv" / name).touch()

    def has(self, name: str) -> bool:
        return (self.folder / ".venv" / name).exists()

    def make(self, *arguments: str) -> tuple[int, str]:
        """Return the exit code of `make`, and what it printed."""
        done = subprocess.run(
            ["make", "PYTHON=.venv/bin/python", *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def calls(self) -> list[str]:
        """Return the installations that were tried, each without the path of its program."""
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("name", ["requirements", "dev-requirements"])
def test_each_requirement_is_locked_with_its_extras_and_hashes(name: str) -> None:
    wanted = re.findall(r"^([^#\s-].*)==", (ROOT / f"{name}.in").read_text(), re.MULTILINE)
    locked = re.split(r"\n(?! )", (ROOT / f"{name}.txt").read_text())
    pins = [pin for pin in locked if pin and not pin.startswith("#")]
    names = {pin.split("==")[0] for pin in pins}
    assert {each.lower().replace("_", "-") for each in wanted} <= names
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_pip_finds_the_extra_that_a_locked_package_asks_for() -> None:
    assert "\ncoverage[toml]==" in (ROOT / "dev-requirements.txt").read_text()


def test_no_file_names_a_package_registry() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [ROOT / name for name in files.stdout.splitlines()]
    assert [p for p in paths if p.is_file() and REGISTRY.search(p.read_bytes())] == []


@pytest.mark.integration
def test_uv_installs_and_a_second_run_installs_nothing(checkout: Checkout) -> None:
    checkout.add("uv", UV_CALLS)
    assert checkout.make("setup")[0] == 0
    assert len(checkout.calls()) == 1
    assert checkout.calls()[0].startswith("uv pip install")
    assert "--require-hashes" in checkout.calls()[0]
    assert checkout.make("setup")[0] == 0
    assert len(checkout.calls()) == 1


@pytest.mark.integration
def test_pip_gets_the_locked_uv(checkout: Checkout) -> None:
    checkout.add("python", f'{PIP_CALLS}case "$*" in *stdin) cat > locked ;; esac\n')
    checkout.make("setup", "INSTALLER=uv")
    locked = (checkout.folder / "locked").read_text()
    assert re.match(r"uv==[\d.]+ \\\n    --hash=sha256:", locked)
    assert [line for line in locked.splitlines()[1:] if "--hash=sha256:" not in line] == []
    assert "--require-hashes" in checkout.calls()[0]


@pytest.mark.integration
def test_pip_installs_what_uv_cannot(checkout: Checkout) -> None:
    checkout.add("uv", f"{UV_CALLS}exit 1\n")
    assert checkout.make("setup")[0] == 0
    uv, pip = checkout.calls()
    assert uv.startswith("uv pip install")
    assert pip.startswith("pip -m pip")
    assert "--require-hashes --force-reinstall --requirement requirements.txt" in pip


@pytest.mark.integration
def test_pip_alone_installs_where_the_user_says_so(checkout: Checkout) -> None:
    checkout.add("uv", UV_CALLS)
    assert checkout.make("setup-dev", "INSTALLER=pip")[0] == 0
    (pip,) = checkout.calls()
    assert pip.endswith("--require-hashes --requirement dev-requirements.txt")


@pytest.mark.integration
@pytest.mark.parametrize("installer", ["uv", "pip", "uv pip", "unknown"])
def test_a_failed_installation_leaves_no_stamp(checkout: Checkout, installer: str) -> None:
    checkout.add("uv", "exit 1\n")
    checkout.add("python", 'case "$*" in *" install "*) exit 1 ;; esac\n')
    code, printed = checkout.make("setup", f"INSTALLER={installer}")
    assert code == 2
    assert f"requirements.txt is not installed (INSTALLER={installer})." in printed
    assert not checkout.has(".installed")


@pytest.mark.integration
def test_what_an_interrupted_installation_left_is_installed_again(checkout: Checkout) -> None:
    checkout.add("uv", "kill $PPID; sleep 0.1; exit 1\n")
    assert checkout.make("setup", "INSTALLER=uv")[0] == 2
    assert not checkout.has(".installed")
    checkout.add("uv", UV_CALLS)
    assert checkout.make("setup")[0] == 0
    assert "--force-reinstall" in checkout.calls()[0]
    assert not checkout.has(".begun")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("settings", "index"),
    [
        ("global.index-url='https://a.test/simple'", "https://a.test/simple"),
        (
            ":env:.index-url='https://b.test/'\nglobal.index-url='https://a.test/'",
            "https://b.test/",
        ),
        ("global.extra-index-url='https://c.test/'", "none"),
    ],
)
def test_uv_uses_the_index_of_pip(checkout: Checkout, settings: str, index: str) -> None:
    checkout.add("python", f'case "$*" in *"config list") echo "{settings}" ;; esac\n')
    checkout.add("uv", 'echo "uv ${UV_DEFAULT_INDEX:-none}" >> calls\n')
    assert checkout.make("setup")[0] == 0
    assert checkout.calls() == [f"uv {index}"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("pip_audit", "code", "message"),
    [
        (FINDS, 0, "audited"),
        (FINDS_IN_ALL, 2, "Found 1 known vulnerability"),
        (NOT_REACHED, 0, "pip-audit: SKIPPED"),
        (NOT_KNOWN, 0, "pip-audit: SKIPPED"),
        (NO_HOLES, 2, "does not find the known vulnerabilities"),
        ("exit 3\n", 2, "does not find the known vulnerabilities"),
    ],
)
def test_an_audit_is_skipped_only_where_its_service_is_not_reached(
    checkout: Checkout, pip_audit: str, code: int, message: str
) -> None:
    for program in ("detect-secrets-hook", "bandit"):
        checkout.add(program, "exit 0\n")
    checkout.add("pip-audit", pip_audit)
    checkout.touch(".installed-dev")
    done, printed = checkout.make("audit")
    assert (done, message in printed) == (code, True)
    assert ("SKIPPED" in printed) == ("SKIPPED" in message)
