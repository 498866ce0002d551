"""Processes of this program that begin as interpreters of their own.

No thread and no connection of the parent is copied into them.
"""

import multiprocessing
import signal
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

SPAWN = multiprocessing.get_context("spawn")


def start_uninterrupted(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach; the one that starts it tells it what to do.

    Terminals send the signal to the whole group of processes. It stays blocked in the new one,
    unless that takes it.
    """
    resource_tracker.ensure_running()  # It starts with the first process, and unblocks signals.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
