import threading
from dataclasses import dataclass

import pytest

from common.errors import DatabaseUnavailable
from data_layer.catalogue_revision import FRESH_SECONDS, CatalogueRevision
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts


@dataclass
class Stored:
    """The revision in the database, and the time, as a test sets them."""

    number: int = 5
    now: float = 0.0
    error: DatabaseUnavailable | None = None

    def read(self) -> int:
        if self.error is not None:
            raise self.error
        return self.number

    def known(self) -> CatalogueRevision:
        return CatalogueRevision(self.read, lambda: self.now)


def test_nothing_is_known_before_the_first_look() -> None:
    known = Stored().known()
    assert (known.number, known.fresh_until) == (-1, float("-inf"))
    assert not known.is_away()


def test_a_look_may_be_relied_on_for_a_second_from_its_beginning() -> None:
    stored = Stored(now=10.0)
    known = stored.known()

    def read_slowly() -> int:
        stored.now += 0.5
        return 5

    known = CatalogueRevision(read_slowly, lambda: stored.now)
    known.look()
    assert (known.number, known.fresh_until) == (5, 10.0 + FRESH_SECONDS)


def test_a_failed_look_changes_nothing_but_that_the_database_is_away() -> None:
    stored = Stored()
    known = stored.known()
    known.look()
    stored.error, stored.now = DatabaseUnavailable("It is gone."), 0.5
    known.look()
    assert (known.number, known.fresh_until, known.is_away()) == (5, 1.0, True)
    stored.error, stored.number = None, 6
    known.look()
    assert (known.number, known.fresh_until, known.is_away()) == (6, 1.5, False)


def test_a_look_that_never_ends_means_that_the_database_is_away() -> None:
    stored = Stored()
    known = stored.known()
    known.look()
    stored.now = 1.2
    assert not known.is_away()
    stored.now = 1.3
    assert known.is_away()


def test_an_own_commit_counts_at_once_and_a_look_from_before_it_does_not_undo_it() -> None:
    stored = Stored()
    known = stored.known()
    known.look()
    known.advance(7)
    known.advance(6)
    assert known.number == 7

    def read_while_we_commit() -> int:
        known.advance(8)
        return 6

    late = known
    late._read = read_while_we_commit
    late.look()
    assert known.number == 8


def test_a_restored_backup_sets_the_revision_back() -> None:
    stored = Stored()
    known = stored.known()
    known.look()
    stored.number = 3
    known.look()
    assert known.number == 3


def test_every_change_of_films_counts_and_others_see_it(any_database: Database) -> None:
    others = Database(any_database.engines.reading.url.render_as_string(hide_password=False))
    seen = []
    for change in ("add", "remove", "nothing"):
        with any_database.unit_of_work() as uow:
            if change == "add":
                uow.movies.add(MovieFacts(title="Alien"))
            elif change == "remove":
                uow.movies.remove(1)
            uow.commit()
        others.revision.look()
        seen.append((any_database.revision.number, others.revision.number))
    others.close()
    assert seen == [(1, 1), (2, 2), (2, 2)]


def test_it_is_looked_at_again_and_again_until_the_end() -> None:
    looks = threading.Semaphore(0)

    def read() -> int:
        looks.release()
        return 1

    known = CatalogueRevision(read)
    with known.watched():
        for _ in range(3):
            assert looks.acquire(timeout=5)
    assert not any(thread.name == "revision" for thread in threading.enumerate())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_database_without_tables_is_away(
    kind: str, request: pytest.FixtureRequest, tmp_path: object
) -> None:
    url = (
        f"sqlite:///{tmp_path}/empty.db"
        if kind == "sqlite"
        else request.getfixturevalue(f"{kind}_url").rpartition("/")[0]
        + ("/postgres" if kind == "postgresql" else "/mysql")
    )
    database = Database(url)
    database.revision.look()
    database.close()
    assert database.revision.is_away()
