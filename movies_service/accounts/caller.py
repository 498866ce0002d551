"""On whose behalf something is done, and the record of it."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from common.clock import utc_now
from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_layer.audit_log import write_audit
from data_layer.entities.audit_entry import AuditEntry
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, once the credential was checked."""

    name: str = "nobody"
    """By which credential: `key:0123abcd`, `user:alice`, `command line`, or `nobody`."""
    scopes: frozenset[Scope] = frozenset()
    session_id: str | None = None
    """Of a user who has signed in."""
    address: str = ""
    request_id: str = ""
    on_done: Callable[[UnitOfWork, Any], None] | None = None
    """Is given what was done, in the transaction that does it."""

    @property
    def is_known(self) -> bool:
        """Whether a credential was sent."""
        return self.name != "nobody"

    @property
    def username(self) -> str | None:
        """The name of a user who has signed in."""
        return self.name.removeprefix("user:") if self.session_id else None

    @property
    def client(self) -> str:
        """By what limits tell callers apart."""
        return self.name if self.is_known else self.address

    @property
    def wisher(self) -> Wisher:
        """Who is said to have wished for a film."""
        return Wisher(self.name, self.address, self.request_id)

    def covers(self, scope: Scope) -> bool:
        """Tell whether the caller may do what `scope` stands for."""
        return Scope.ADMIN in self.scopes or scope in self.scopes

    def at(self, address: str, request_id: str) -> Self:
        """Return the caller of this request."""
        return dataclasses.replace(self, address=address, request_id=request_id)

    def keep(self, uow: UnitOfWork, result: object) -> None:
        """Keep what is about to be answered, in the transaction that does it."""
        if self.on_done is not None:
            self.on_done(uow, result)

    def note(self, uow: UnitOfWork, action: str, subject: str, fields: Sequence[str] = ()) -> None:
        """Write down what is done, in the transaction that does it, and log it behind that."""
        entry = AuditEntry(
            at=utc_now(),
            action=action,
            subject=subject,
            caller=self.name,
            address=self.address,
            request_id=self.request_id,
            fields=tuple(fields),
        )
        write_audit(uow, entry)


COMMAND_LINE = Caller(name="command line", scopes=frozenset({Scope.ADMIN}))
"""Whoever can run the commands has the database in their hands."""
