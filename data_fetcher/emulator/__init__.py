"""An OMDb of our own, over real HTTP: for programs without a key, for tests, for benchmarks.

`python -m data_fetcher.emulator --help` lists its switches. Its films are facts of Wikidata
(CC0), in films.json; nothing of OMDb's own is in here.
"""
