"""Everything that brings films in: the OMDb client, seeding, and the bundled OMDb emulator."""

__pdoc__ = {"tests": False}
