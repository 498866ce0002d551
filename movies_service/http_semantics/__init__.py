"""Rules of HTTP as pure functions, without FastAPI."""
