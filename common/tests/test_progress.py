import io

import pytest

from common.cli.progress import ProgressBar


class Terminal(io.StringIO):
    """Stream that is shown to a person."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the kind and width of the terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")


def test_shows_a_bar_with_messages_above_on_a_terminal() -> None:
    stream = Terminal()
    with ProgressBar("Seeding", "movies", stream) as bar:
        bar.update(0, 2)
        bar.message("[Two] (tt0000002): OMDb has no such movie.")
        bar.advance()
        bar.stage("Comparing")
        bar.advance("the last")
    shown = stream.getvalue()
    assert "[Two] (tt0000002): OMDb has no such movie." in shown
    assert "2/2" in shown
    assert "the last" in shown


def test_shows_no_bar_on_a_terminal_without_an_update() -> None:
    stream = Terminal()
    with ProgressBar("Seeding", "movies", stream) as bar:
        bar.message("Another process is seeding.")
    assert stream.getvalue() == "Another process is seeding.\n"


def test_prints_stages_messages_and_the_final_state_without_a_terminal() -> None:
    stream = io.StringIO()
    with ProgressBar("Benchmark", "steps", stream) as bar:
        bar.stage("Storing")
        bar.update(0, 2)
        bar.advance("One")
        bar.message("Slow.")
        bar.advance("Two")
    assert stream.getvalue() == "Storing\nSlow.\nBenchmark: 2/2 steps  Two\n"


def test_prints_the_amount_alone_while_the_total_is_unknown() -> None:
    stream = io.StringIO()
    with ProgressBar("Importing", "lines", stream) as bar:
        bar.update(7, None)
    assert stream.getvalue() == "Importing: 7 lines\n"
