import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.seed import Seed, SeedState
from data_layer.ports.unit_of_work import UnitOfWorkFactory

PLAN = (Seed("tt0000002", "Two"), Seed("tt0000001", "One"))


def test_keeps_the_plan_in_its_order(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        assert uow.seeds.list() == ()
        uow.seeds.add_many(PLAN)
        assert uow.seeds.list() == PLAN


def test_stores_how_far_a_seed_has_come(unit_of_work: UnitOfWorkFactory) -> None:
    failed = Seed("tt0000001", "One", SeedState.FAILED, "OMDb does not have it.")
    with unit_of_work() as uow:
        uow.seeds.add_many(PLAN)
        uow.seeds.update(failed)
        assert uow.seeds.list() == (PLAN[0], failed)


def test_a_film_is_planned_once(unit_of_work: UnitOfWorkFactory) -> None:
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.seeds.add_many([PLAN[0], PLAN[0]])


def test_only_a_planned_film_can_change(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow, pytest.raises(NotFound):
        uow.seeds.update(PLAN[0])
