"""JSON format of movies for ingestion, export and import."""
