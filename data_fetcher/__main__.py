"""The command `python -m data_fetcher`."""

from common.command_start import start

if __name__ == "__main__":
    start("data_fetcher.command_line")
