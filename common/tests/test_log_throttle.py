from common.log_throttle import LOG_SECONDS, LogThrottle


def test_repetitions_are_counted_for_a_minute() -> None:
    now = 0.0
    throttle = LogThrottle(lambda: now)
    assert [throttle.count("full"), throttle.count("full"), throttle.count("full")] == [
        0,
        None,
        None,
    ]
    assert throttle.count("locked") == 0
    now = LOG_SECONDS
    assert [throttle.count("full"), throttle.count("full")] == [2, None]
