"""Films that nobody has made, in any number: for work at scale, where real ones are too few."""
