"""Ports: interfaces of the repositories and the unit of work, independent of their storage."""
