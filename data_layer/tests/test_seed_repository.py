import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.seed import Seed, SeedState
from data_layer.ports.unit_of_work import UnitOfWorkFactory

SEEDS = (Seed("tt0000002", "Two"), Seed("tt0000001", "One"))


def test_returns_seed_movies_in_their_order(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        assert uow.seeds.list() == ()
        uow.seeds.add_many(SEEDS)
        assert uow.seeds.list() == SEEDS


def test_updates_state_and_reason(unit_of_work: UnitOfWorkFactory) -> None:
    failed = Seed("tt0000001", "One", SeedState.FAILED, "OMDb does not have it.")
    with unit_of_work() as uow:
        uow.seeds.add_many(SEEDS)
        uow.seeds.update(failed)
        assert uow.seeds.list() == (SEEDS[0], failed)


def test_rejects_a_second_seed_of_a_movie(unit_of_work: UnitOfWorkFactory) -> None:
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.seeds.add_many([SEEDS[0], SEEDS[0]])


def test_rejects_an_update_of_an_unknown_seed_movie(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow, pytest.raises(NotFound):
        uow.seeds.update(SEEDS[0])
