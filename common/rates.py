"""Rates such as `10/minute`."""

import re
from dataclasses import dataclass

RATE = re.compile(r"off|([1-9][0-9]{0,11})/(second|minute|hour|day)")
"""Grammar of a rate: a number and a unit of time, or `off`."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """Amount per period, in seconds."""

    amount: int
    seconds: int

    def __str__(self) -> str:
        """Return the rate in the grammar `RATE`."""
        units = {seconds: unit for unit, seconds in _SECONDS.items()}
        return f"{self.amount}/{units[self.seconds]}"

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """Parse a text of the grammar `RATE`; return `None` for `off` and for invalid text."""
        match = RATE.fullmatch(text)
        if match is None or match[1] is None:
            return None
        return cls(int(match[1]), _SECONDS[match[2]])
