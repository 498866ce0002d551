"""Process supervisor: runs server processes, and stops all together."""

from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection

import structlog

from common.cli.signals import handled_signals
from common.processes import SupervisedProcess

_log = structlog.get_logger(__name__)

STOP_SECONDS = 7.75
"""Time for the processes to finish their requests before they are killed."""

Work = Callable[[int], None]


class ProcessSupervisor:
    """Supervisor that keeps processes running until SIGINT or SIGTERM.

    Args:
        count: number of processes.
        work: function that each process runs with its number, from 0; picklable. It returns on
            SIGTERM.
    """

    def __init__(self, count: int, work: Work) -> None:
        self._processes = [
            SupervisedProcess(
                partial(_run_process, work, number),
                STOP_SECONDS,
                on_restart=lambda code: _log.error("server_process_restarted", exit_code=code),
                is_daemon=False,
            )
            for number in range(count)
        ]

    def run(self) -> None:
        """Start the processes, restart each that dies, and stop all on a signal.

        The first SIGINT or SIGTERM terminates the processes gracefully, a second one kills them.
        """
        with handled_signals(self._stop, self._kill):
            for process in self._processes:
                process.start()
            for process in self._processes:
                process.join()

    def _stop(self) -> None:
        for process in self._processes:
            process.stop()

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()


def _run_process(work: Work, number: int, _connection: Connection) -> None:
    work(number)
