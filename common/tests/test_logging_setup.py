import json
import logging

import pytest
import structlog

from common.logging_setup import configure_logs


def test_json_format_writes_one_object_a_line_with_the_context(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("info", "json")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("test").info("stored", movies=3)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["movies"], line["request_id"]) == ("stored", 3, "r1")
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_libraries_log_in_the_same_format(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    logging.getLogger("library").warning("careful %s", "now")
    assert json.loads(capsys.readouterr().err)["event"] == "careful now"


def test_json_format_contains_the_traceback_in_the_same_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("info", "json")
    try:
        int("broken")
    except ValueError:
        structlog.get_logger("test").exception("failed")
    assert "ValueError: invalid literal" in json.loads(capsys.readouterr().err)["exception"]


def test_filters_by_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", "console")
    structlog.get_logger("test").info("quiet")
    structlog.get_logger("test").warning("loud")
    shown = capsys.readouterr().err
    assert "loud" in shown
    assert "quiet" not in shown
