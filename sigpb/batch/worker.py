"""The process that does the work of a batch, several models at a time.

It spends most of the time of a small model waiting for the disk, so that threads are of use, and
waits of several models at once are not much longer than those of one.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from sigpb.batch.job import Outcome, Task


def main(fd: int, threads: int) -> None:
    """Does what comes in on a connection, until it is closed.

    Args:
        fd: The connection: what to do, then tasks; outcomes go out on it.
        threads: How many tasks to work on at a time.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The process that gives out tasks stops them.
    sys.stdin.close()
    connection = Connection(fd)
    work: Callable[[Task], Outcome] = connection.recv()
    lock = threading.Lock()

    def do(task: Task) -> None:
        outcome = work(task)
        with lock, contextlib.suppress(OSError):  # Nobody may be there to hear of it.
            connection.send(outcome)

    with ThreadPoolExecutor(threads) as pool, contextlib.suppress(EOFError, OSError):
        while True:
            pool.submit(do, connection.recv())
