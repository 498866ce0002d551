"""Where films are kept: values, ports, and the adapters that fulfil them.

`entities` are plain values, `ports` say what a repository and a unit of work can do, `sql`
does it with SQLAlchemy and `fake` in memory, for tests of what is built on top. This is
the only package that imports `sqlalchemy`.
"""

__pdoc__ = {"tests": False}
