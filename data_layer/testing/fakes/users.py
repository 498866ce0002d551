"""Users in a dictionary by name."""

from common.errors import Conflict, NotFound
from data_layer.entities.user import User
from data_layer.ports.users import UserRepository


class FakeUserRepository(UserRepository):
    """In-memory `data_layer.ports.users.UserRepository`."""

    def __init__(self) -> None:
        self.rows: dict[str, User] = {}

    def add(self, user: User) -> None:
        """Store a new user."""
        if user.username in self.rows:
            raise Conflict("A user has this name.")
        self.rows[user.username] = user

    def find(self, username: str) -> User | None:
        """Return the user with this name, or `None`."""
        return self.rows.get(username)

    def list(self) -> tuple[User, ...]:
        """Return all users ordered by name."""
        return tuple(self.rows[name] for name in sorted(self.rows))

    def update(self, user: User) -> None:
        """Replace the user with this name."""
        if user.username not in self.rows:
            raise NotFound("No user has this name.")
        self.rows[user.username] = user
