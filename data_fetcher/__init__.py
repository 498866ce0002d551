"""Movie import: OMDb client, fetch queue and workers, seeding, ingestion, IMDb import, emulator."""

__pdoc__ = {"tests": False}
