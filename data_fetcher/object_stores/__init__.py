"""Object stores of ingest sources: folders and buckets."""
