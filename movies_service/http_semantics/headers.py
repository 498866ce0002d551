"""Names of the headers that this API defines."""

REVISION_HEADER = "Catalogue-Revision"
"""Revision of the catalogue that contains a write. A read that sends it back gets that revision or
a newer one, so that clients read their own writes from any process."""
