"""Workers: fetch requested movies, refresh outdated ones, and run in their own process."""
