"""OMDb client: lookups, requests, and the parsing of responses."""
