"""Runs a command, and prints what it took as a line of JSON.

    python -I -S meter.py [--private] LOG COMMAND...

What the command prints on standard error goes to the file LOG. Two things make this a program of
its own. Linux counts the memory of the process that starts a child towards the child's peak, so
that process has to be small. And nothing else should happen in it while the time is taken.

With ``--private`` it also watches the command's private memory, which is not to be done while the
time counts. Page cache is no part of that: not the pages of a mapped file, and not what was
written and waits to reach the disk.
"""

from __future__ import annotations

import json
import os
import sys
import time

POLL_SECONDS = 0.001


def run(command: list[str], log: str, *, private: bool) -> str:
    """Runs a command to its end, and returns what it took."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    highest = watch(pid) if private else 0
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    return json.dumps(
        {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": seconds,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024,
            "private_bytes": highest,
        }
    )


def watch(pid: int) -> int:
    """Returns the highest private memory that was seen until a process ended, in bytes."""
    highest = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        highest = max(highest, private_bytes(pid))
        time.sleep(POLL_SECONDS)
    return highest


def private_bytes(pid: int) -> int:
    """Returns the anonymous memory of a process, in bytes."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:  # noqa: PTH123 (pathlib takes memory)
            for line in rollup:
                if line.startswith("Anonymous:"):
                    return int(line.split()[1]) * 1024
    except OSError:  # It has just ended.
        pass
    return 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    watched = arguments[0] == "--private"
    log_file, *to_run = arguments[watched:]
    print(run(to_run, log_file, private=watched))
