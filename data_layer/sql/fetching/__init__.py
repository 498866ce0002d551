"""SQL repositories of fetch jobs, movie refreshes, seeds and the upstream state."""
