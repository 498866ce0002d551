"""The command `python -m data_fetcher`."""

from common.command_start import start

if __name__ == "__main__":  # pragma: no branch  # Processes of its own import it, too.
    start("data_fetcher.command_line")
