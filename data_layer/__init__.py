"""Persistence: entities, ports and their adapters.

`entities` are plain values, `ports` are the interfaces of the repositories and the unit of work,
`sql` implements them with SQLAlchemy, and `testing.fakes` in memory, for tests of the layers
above. Product code outside this package does not import `sqlalchemy`, except for a benchmark
baseline.
"""

__pdoc__ = {"tests": False}
