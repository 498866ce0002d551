"""The command `python -m movies_service`."""

from common.command_start import start

if __name__ == "__main__":  # pragma: no branch  # Processes of its own import it, too.
    start("movies_service.command_line")
