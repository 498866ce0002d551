"""Uvicorn protocols, and the supervisor of server processes."""
