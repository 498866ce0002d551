"""The recorder of an operation's result, called within the operation's transaction."""

from collections.abc import Callable
from typing import TypeVar

from data_layer.ports.unit_of_work import UnitOfWork

Result = TypeVar("Result")

ResultRecorder = Callable[[UnitOfWork, Result], None]
"""Stores a result, such as the response to a request, in the transaction that produced it."""


def record_nothing(_uow: UnitOfWork, _result: object) -> None:
    """Store nothing: the default of operations."""
