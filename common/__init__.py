"""Shared foundations: errors, settings, logging, text matching, command-line helpers.

Every other package may import this one. It contains nothing about movies, and except for the
benchmark it depends on no other package of this project.
"""

__pdoc__ = {"tests": False}
