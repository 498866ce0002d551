"""Commands of `python -m data_fetcher`."""
