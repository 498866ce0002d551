"""The command `python -m movies_service`."""

from common.command_start import start

if __name__ == "__main__":
    start("movies_service.command_line")
