"""The uvicorn protocols and the supervisor of server processes."""
