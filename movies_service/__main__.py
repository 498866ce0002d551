"""Entry point of `python -m movies_service`."""

from common.cli.start import start

if __name__ == "__main__":  # pragma: no branch  # Spawned worker processes import it too.
    start("movies_service.cli.app")
