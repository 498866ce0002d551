"""The users who sign in."""

from typing import Protocol

from data_layer.entities.user import User


class UserRepository(Protocol):
    """Keeps users for ever, so that nobody takes a disabled one's name."""

    def add(self, user: User) -> None:
        """Store a new user.

        Raises:
            Conflict: the name is taken.
        """
        ...

    def find(self, username: str) -> User | None:
        """Return the user of this name, if there is one."""
        ...

    def list(self) -> tuple[User, ...]:
        """Return every user by name, disabled ones included."""
        ...

    def update(self, user: User) -> None:
        """Store all that can change of the user with this name: all but name and creation.

        Raises:
            NotFound: there is none.
        """
        ...
