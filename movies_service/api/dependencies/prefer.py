"""What clients prefer: the header `Prefer` of RFC 7240."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Header as HeaderField

WAIT_MAX_SECONDS = 30

_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,9})\"?")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What of `Prefer` is understood; the rest may be ignored, and is.

    Args:
        is_async: whether the client would rather not wait.
        wait_seconds: how long it waits at most; at most `WAIT_MAX_SECONDS`.
    """

    is_async: bool = False
    wait_seconds: int = 0

    @property
    def applied(self) -> dict[str, str]:
        """The header that says what was done about it."""
        parts = ["respond-async"] if self.is_async else []
        if self.wait_seconds:
            parts.append(f"wait={self.wait_seconds}")
        return {"Preference-Applied": ", ".join(parts)} if parts else {}


async def find_preferences(
    request: Request,
    _prefer: Annotated[
        str | None,
        HeaderField(
            alias="Prefer",
            description="`respond-async`, `wait=` and a number of seconds, or both; RFC 7240.",
            examples=["respond-async, wait=5"],
        ),
    ] = None,
) -> Preferences:
    """Return what the client prefers; of what is given twice the first counts."""
    is_async, wait_seconds = False, 0
    for part in ",".join(request.headers.getlist("prefer")).split(","):
        preference = part.partition(";")[0].strip().lower()
        if preference == "respond-async":
            is_async = True
        elif wait_seconds == 0 and (match := _WAIT.fullmatch(preference)):
            wait_seconds = min(int(match[1]), WAIT_MAX_SECONDS)
    return Preferences(is_async, wait_seconds)


PreferencesDependency = Annotated[Preferences, Depends(find_preferences)]
