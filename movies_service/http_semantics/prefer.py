"""Request header `Prefer` and response header `Preference-Applied` (RFC 7240)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

WAIT_MAX_SECONDS = 30

_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,9})\"?")


@dataclass(frozen=True, slots=True)
class PreferHeader:
    """Supported preferences of a request.

    Args:
        is_async: `respond-async`: the client prefers a 202 over waiting.
        wait_seconds: `wait`: the maximum wait, at most `WAIT_MAX_SECONDS`; 0 if absent.
    """

    is_async: bool = False
    wait_seconds: int = 0

    @property
    def applied(self) -> dict[str, str]:
        """Header `Preference-Applied`; empty if no preference applies."""
        parts = ["respond-async"] if self.is_async else []
        if self.wait_seconds:
            parts.append(f"wait={self.wait_seconds}")
        return {"Preference-Applied": ", ".join(parts)} if parts else {}


def parse_prefer(values: Sequence[str]) -> PreferHeader:
    """Return the supported preferences of all `Prefer` headers; unknown ones are ignored.

    If a preference is repeated, its first occurrence counts.

    Source: RFC 7240, sections 2, 4.1 and 4.3.
    """
    is_async, wait_seconds = False, 0
    for part in ",".join(values).split(","):
        preference = part.partition(";")[0].strip().lower()
        if preference == "respond-async":
            is_async = True
        elif wait_seconds == 0 and (match := _WAIT.fullmatch(preference)):
            wait_seconds = min(int(match[1]), WAIT_MAX_SECONDS)
    return PreferHeader(is_async, wait_seconds)
