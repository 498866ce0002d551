"""Ports: interfaces of the repositories and the unit of work, independent of their storage.

For an id or a name that is not stored, `get`, `list_errors`, `update` and `MovieRepository.remove`
raise `NotFound`, and `find` returns `None`.
"""
