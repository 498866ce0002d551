"""Updates of films that others drop into a bucket or a folder."""
