"""SQL repositories of fetch jobs, movie refreshes and the upstream state."""
