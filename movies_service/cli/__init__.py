"""Commands of `python -m movies_service`."""
