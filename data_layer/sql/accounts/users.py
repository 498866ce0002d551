"""Users in a table."""

from data_layer.entities.user import User
from data_layer.ports.users import UserRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction


class SqlAlchemyUserRepository(UserRepository):
    """SQL implementation of `data_layer.ports.users.UserRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._rows = EntityMapper(transaction.session, User, models.User)

    def add(self, user: User) -> None:
        """Insert the user; the primary key rejects a known name."""
        self._rows.add(user)

    def find(self, username: str) -> User | None:
        """Return the user with this name, or None."""
        return self._rows.find(models.User.username == username)

    def list(self) -> tuple[User, ...]:
        """Return all users by name."""
        return self._rows.list(by=models.User.username)

    def update(self, user: User) -> None:
        """Overwrite the user with this name."""
        self._rows.update(user, models.User.username == user.username, "No user has this name.")
