"""The commands of `python -m movies_service`."""
