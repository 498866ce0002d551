"""The command `python -m data_fetcher`."""

from common.cli.start import start

if __name__ == "__main__":  # pragma: no branch  # Spawned processes import it too.
    start("data_fetcher.cli.app")
