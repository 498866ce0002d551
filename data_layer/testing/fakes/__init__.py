"""The data layer in memory: for tests of what is built on top of the ports."""
