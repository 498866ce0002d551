"""What every other package may use, and which knows none of them.

Errors, settings, logging, text matching, progress display. Nothing in here knows what a
film is, and nothing in here imports another package of this project.
"""

__pdoc__ = {"tests": False}
