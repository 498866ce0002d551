import gc

import pytest

from common.imports import permanent_imports


def test_no_collection_runs_during_imports_nor_examines_what_they_created() -> None:
    frozen = gc.get_freeze_count()
    with permanent_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    gc.unfreeze()


def test_collections_continue_after_a_failed_import() -> None:
    with pytest.raises(ImportError), permanent_imports():
        raise ImportError
    assert gc.isenabled()
