"""Measurements that a reader can repeat: `python -m common.benchmark`.

They start what they measure as commands of this project, on free ports and in a temporary
folder, and compare within one run: the ratio is what counts, machines are noisy.
"""

__pdoc__ = {"tests": False}
