"""The process that does the work of a batch, several models at a time.

While some threads wait for the disk or a store, others work; a wait of several is not much longer
than that of one. When the batch is stopped, a process ends what it is at and begins nothing more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from sigpb.batch.job import Outcome, Task
from sigpb.publishing.durability import TURN
from sigpb.remote.urls import is_url

# So many seconds it has for what it is at, when the process that started it was killed. Most models
# take less, and what it is at then is put in order when the batch goes on.
_GRACE = 2.0


def main(fd: int, threads: int, parent: int) -> None:
    """Does what comes in on a connection, until it is closed.

    Args:
        fd: The connection: what to do, then tasks, then None or the end of the connection, after
            which no task is begun. The directories of models that are begun, and outcomes, go out
            on it.
        threads: How many tasks to work on at a time.
        parent: The id of the process that started this one.
    """
    # The process that gives out tasks stops them; it is in another process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.close()
    connection = Connection(fd)
    work: Callable[[Task], Outcome] = connection.recv()
    lock = threading.Lock()
    stopping = threading.Event()

    def do(task: Task) -> None:
        with contextlib.nullcontext() if is_url(task.model) else TURN:
            if not stopping.is_set():
                say(task.model)
                say(work(task))

    def say(news: str | Outcome) -> None:
        with lock, contextlib.suppress(OSError):  # Nobody may be there to hear of it.
            connection.send(news)

    with ThreadPoolExecutor(threads) as pool:
        with contextlib.suppress(EOFError, OSError):
            while task := connection.recv():
                pool.submit(do, task)
        stopping.set()
        pool.shutdown(wait=False, cancel_futures=True)
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    """Ends this process, whatever it waits for, when another has ended without waiting for it."""
    while os.getppid() == parent:
        time.sleep(0.1)
    time.sleep(_GRACE)
    os._exit(1)
