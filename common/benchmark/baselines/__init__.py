"""Baselines of the benchmark, each a program that runs in its own process."""
