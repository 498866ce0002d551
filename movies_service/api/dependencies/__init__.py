"""FastAPI dependencies that the endpoints share."""
