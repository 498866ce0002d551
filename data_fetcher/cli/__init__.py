"""The commands of those who bring films in."""
