"""The users, in a table."""

from sqlalchemy.orm import Session

from data_layer.entities.user import User
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows


class SqlAlchemyUserRepository:
    """See `data_layer.ports.users.UserRepository`."""

    def __init__(self, session: Session) -> None:
        self._rows = EntityRows(session, User, models.User)

    def add(self, user: User) -> None:
        """Insert the user; the unique name tells a conflict."""
        self._rows.add(user)

    def find(self, username: str) -> User | None:
        """Look the unique name up."""
        return self._rows.find(models.User.username == username)

    def list(self) -> tuple[User, ...]:
        """Read every user by name."""
        return self._rows.list(by=models.User.username)

    def update(self, user: User) -> None:
        """Write the user of this name."""
        self._rows.update(user, models.User.username == user.username, "There is no such user.")
