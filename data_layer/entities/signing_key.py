"""What tokens are signed with."""

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A secret of this service. Times are in UTC."""

    id: str
    """What tokens call it, in `kid`."""
    secret: bytes = field(repr=False)
    """32 bytes or more."""
    created_at: dt.datetime
