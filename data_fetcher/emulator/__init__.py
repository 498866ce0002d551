"""OMDb emulator over real HTTP, for use without an API key, for tests and for benchmarks.

`python -m data_fetcher.emulator --help` lists its options. Its movies, in movies.json, are facts
from Wikidata (CC0); it contains no data of OMDb.
"""
