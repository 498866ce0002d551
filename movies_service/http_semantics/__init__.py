"""Rules of the HTTP RFCs as pure functions, without FastAPI."""
