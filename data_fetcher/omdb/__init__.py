"""The client of OMDb: how it is asked, and how its answers are understood."""
