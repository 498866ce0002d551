"""Counters of the processes, and the Prometheus exposition."""
