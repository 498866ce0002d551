"""Reproducible benchmarks: `python -m common.benchmark`.

Each benchmark starts its targets as separate processes, on free ports and in a temporary folder.
Targets are compared within one run, and results are ratios, since machines are noisy.
"""

__pdoc__ = {"tests": False}
