import threading
from dataclasses import dataclass

import pytest

from common.errors import DatabaseUnavailable
from data_layer.catalogue_revision import FRESH_SECONDS, CatalogueRevision
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts


@dataclass
class FakeSource:
    """Stored revision and clock, both set by a test."""

    number: int = 5
    now: float = 0.0
    error: DatabaseUnavailable | None = None

    def read(self) -> int:
        if self.error is not None:
            raise self.error
        return self.number

    def create(self) -> CatalogueRevision:
        return CatalogueRevision(self.read, lambda: self.now)


def test_has_no_revision_before_the_first_poll() -> None:
    revision = FakeSource().create()
    assert (revision.number, revision.fresh_until) == (-1, float("-inf"))
    assert not revision.is_unavailable()


def test_a_poll_is_fresh_for_a_second_from_its_start() -> None:
    source = FakeSource(now=10.0)

    def read_slowly() -> int:
        source.now += 0.5
        return 5

    revision = CatalogueRevision(read_slowly, lambda: source.now)
    revision.poll()
    assert (revision.number, revision.fresh_until) == (5, 10.0 + FRESH_SECONDS)


def test_a_failed_poll_keeps_the_revision_and_reports_unavailability() -> None:
    source = FakeSource()
    revision = source.create()
    revision.poll()
    source.error, source.now = DatabaseUnavailable("The connection is lost."), 0.5
    revision.poll()
    assert (revision.number, revision.fresh_until, revision.is_unavailable()) == (5, 1.0, True)
    source.error, source.number = None, 6
    revision.poll()
    assert (revision.number, revision.fresh_until, revision.is_unavailable()) == (6, 1.5, False)


def test_an_overdue_poll_reports_unavailability() -> None:
    source = FakeSource()
    revision = source.create()
    revision.poll()
    source.now = 1.2
    assert not revision.is_unavailable()
    source.now = 1.3
    assert revision.is_unavailable()


def test_an_own_commit_counts_at_once_and_an_older_poll_does_not_revert_it() -> None:
    source = FakeSource()
    revision = source.create()
    revision.poll()
    revision.advance(7)
    revision.advance(6)
    assert revision.number == 7

    def read_during_commit() -> int:
        revision.advance(8)
        return 6

    revision._read = read_during_commit
    revision.poll()
    assert revision.number == 8


def test_a_resource_backup_lowers_the_revision() -> None:
    source = FakeSource()
    revision = source.create()
    revision.poll()
    source.number = 3
    revision.poll()
    assert revision.number == 3


def test_other_processes_see_every_change_of_movies(any_database: Database) -> None:
    others = Database(any_database.engines.reading.url.render_as_string(hide_password=False))
    seen = []
    for change in ("add", "remove", "nothing"):
        with any_database.unit_of_work() as uow:
            if change == "add":
                uow.movies.add(MovieFacts(title="Alien"))
            elif change == "remove":
                uow.movies.remove(1)
            uow.commit()
        others.revision.poll()
        seen.append((any_database.revision.number, others.revision.number))
    others.close()
    assert seen == [(1, 1), (2, 2), (2, 2)]


def test_polls_repeatedly_until_the_context_ends() -> None:
    polls = threading.Semaphore(0)

    def read() -> int:
        polls.release()
        return 1

    revision = CatalogueRevision(read)
    with revision.watched():
        for _ in range(3):
            assert polls.acquire(timeout=5)
    assert not any(thread.name == "revision" for thread in threading.enumerate())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_database_without_tables_is_unavailable(
    kind: str, request: pytest.FixtureRequest, tmp_path: object
) -> None:
    url = (
        f"sqlite:///{tmp_path}/empty.db"
        if kind == "sqlite"
        else request.getfixturevalue(f"{kind}_url").rpartition("/")[0]
        + ("/postgres" if kind == "postgresql" else "/mysql")
    )
    database = Database(url)
    database.revision.poll()
    database.close()
    assert database.revision.is_unavailable()
