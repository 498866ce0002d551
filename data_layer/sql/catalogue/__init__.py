"""SQL repositories of movies, their relations and counts, and the bulk load."""
