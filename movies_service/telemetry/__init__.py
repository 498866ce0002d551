"""Counters of the processes, and their exposition to Prometheus."""
