"""Implementations of the repositories of the unit of work, found by their base classes."""

import importlib
import pkgutil
from typing import Any, get_type_hints

from data_layer.ports.unit_of_work import UnitOfWork


def find_repositories(package: str) -> dict[str, type[Any]]:
    """Return the repository classes of a package, by their attributes of `UnitOfWork`.

    A module with the name of the attribute, anywhere in the package, holds the subclass of the
    port.
    """
    ports = get_type_hints(UnitOfWork)
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        if module.name.rpartition(".")[2] in ports:
            importlib.import_module(module.name)
    return {
        name: repository
        for name, port in ports.items()
        for repository in port.__subclasses__()
        if repository.__module__.startswith(f"{package}.")
    }
