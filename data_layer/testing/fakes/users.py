"""The users, in a dictionary by name."""

from common.errors import Conflict, NotFound
from data_layer.entities.user import User


class FakeUserRepository:
    """See `data_layer.ports.users.UserRepository`."""

    def __init__(self, users: dict[str, User]) -> None:
        self.users = users

    def add(self, user: User) -> None:
        """Store a new user."""
        if user.username in self.users:
            raise Conflict("There is a user of this name.")
        self.users[user.username] = user

    def find(self, username: str) -> User | None:
        """Return the user of this name."""
        return self.users.get(username)

    def list(self) -> tuple[User, ...]:
        """Return every user by name."""
        return tuple(self.users[name] for name in sorted(self.users))

    def update(self, user: User) -> None:
        """Replace the user of this name."""
        if user.username not in self.users:
            raise NotFound("There is no such user.")
        self.users[user.username] = user
