"""Ingestion of movie updates from a bucket or a folder."""
