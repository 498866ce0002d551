"""Repository of users."""

from typing import Protocol

from data_layer.entities.user import User


class UserRepository(Protocol):
    """User accounts. Users are never deleted, so that names of disabled users are not reused."""

    def add(self, user: User) -> None:
        """Store a new user.

        Raises:
            Conflict: A user has this name.
        """
        ...

    def find(self, username: str) -> User | None:
        """Return the user with this name, or `None`."""
        ...

    def list(self) -> tuple[User, ...]:
        """Return all users ordered by name, including disabled ones."""
        ...

    def update(self, user: User) -> None:
        """Replace the user with this name, except for the name and time of creation."""
        ...
