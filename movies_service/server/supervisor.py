"""Process supervisor: runs server processes, and stops all together."""

from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection

import structlog

from common.cli.signals import handled_signals
from common.processes import SupervisedProcess, send_heartbeat

_log = structlog.get_logger(__name__)

STOP_SECONDS = 7.75
"""Time for the processes to finish their requests before they are killed."""

SILENCE_SECONDS = 30.0
"""Time without a heartbeat after which a process is killed and restarted."""

Work = Callable[[int, Callable[[], None]], None]


class ProcessSupervisor:
    """Supervisor that keeps processes running until SIGINT or SIGTERM.

    Args:
        count: number of processes.
        work: function that each process runs with its number, from 0, and a function that sends a
            heartbeat; picklable. It returns on SIGTERM.
        silence_max_seconds: time without a heartbeat after which a process is killed and
            restarted; see `SupervisedProcess`.
    """

    def __init__(self, count: int, work: Work, silence_max_seconds: float) -> None:
        self._processes = [
            SupervisedProcess(
                partial(_run_process, work, number),
                STOP_SECONDS,
                on_restart=lambda code: _log.error("server_process_restarted", exit_code=code),
                silence_max_seconds=silence_max_seconds,
                is_daemon=False,
            )
            for number in range(count)
        ]

    def run(self) -> None:
        """Start the processes, restart each that dies or hangs, and stop all on a signal.

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


def _run_process(work: Work, number: int, connection: Connection) -> None:
    work(number, partial(send_heartbeat, connection))
