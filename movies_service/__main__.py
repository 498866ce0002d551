"""The command `python -m movies_service`."""

from common.cli.start import start

if __name__ == "__main__":  # pragma: no branch  # Processes of its own import it, too.
    start("movies_service.cli.app")
