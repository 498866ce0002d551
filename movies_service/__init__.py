"""The service: HTTP in, HTTP out, and the command line.

A request comes in through `edge`, finds its endpoint in `routers`, which calls one use case
of `use_cases`; `bootstrap` builds what they work with. Nothing here imports SQLAlchemy.
"""

__pdoc__ = {"tests": False}
