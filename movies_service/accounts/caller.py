"""The caller of an operation: identity, permissions, and audit entries in its name."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from common.clock import utc_now
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_layer.audit_log import write_audit
from data_layer.entities.audit_entry import AuditEntry
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWork

ANONYMOUS = "anonymous"
"""Name of a caller without a credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated or anonymous caller."""

    name: str = ANONYMOUS
    """The credential: `key:0123abcd`, `user:alice`, `command line`, or `anonymous`."""
    scopes: frozenset[Scope] = frozenset()
    session_id: str | None = None
    """Session of a user who has logged in, else `None`."""
    address: str = ""
    request_id: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the caller is authenticated."""
        return self.name != ANONYMOUS

    @property
    def username(self) -> str | None:
        """Name of the user who has logged in; `None` for other callers."""
        return self.name.removeprefix("user:") if self.session_id else None

    @property
    def client(self) -> str:
        """Identity for rate limits: the credential, or the address of an anonymous caller."""
        return self.name if self.is_known else self.address

    @property
    def requester(self) -> Requester:
        """The caller in the form in which a fetch records it."""
        return Requester(self.name, self.address, self.request_id)

    def covers(self, scope: Scope) -> bool:
        """Return whether the caller has this scope, or the admin scope."""
        return Scope.ADMIN in self.scopes or scope in self.scopes

    def at(self, address: str, request_id: str) -> Self:
        """Return a copy of the caller with the address and ID of a request."""
        return dataclasses.replace(self, address=address, request_id=request_id)

    def write_audit(
        self, uow: UnitOfWork, action: str, subject: str, fields: Sequence[str] = ()
    ) -> None:
        """Add an audit entry to the transaction; log it after the commit."""
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
"""Caller of the command line: anyone who can run it can access the database anyway."""
