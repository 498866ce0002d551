"""The header by which a client reads its own writes, whichever process answers."""

REVISION_HEADER = "Catalogue-Revision"
"""Answers to writes say which revision of the catalogue has them; a read that sends it back gets
that one or a newer one."""
