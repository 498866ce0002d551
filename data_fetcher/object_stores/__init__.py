"""Where objects with updates are: folders and buckets."""
