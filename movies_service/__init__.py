"""HTTP service and command line of the movie catalogue.

A request passes `server`, `response_cache` and `middleware`, and reaches an endpoint in
`api.routers`, which calls one use case of `use_cases` or `accounts`. `bootstrap` builds their
dependencies. No module of this package imports SQLAlchemy.
"""

__pdoc__ = {"tests": False}
