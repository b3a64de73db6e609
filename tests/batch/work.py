"""What the processes of a pool are given to do in tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.patch_model import patch_model
from sigpb.publishing.durability import TURN


def answer(task: Task) -> Outcome:
    return Outcome(task.model, "patched", task.name)


def die_at_bad_ones(task: Task) -> Outcome:
    if task.name == "bad":
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
    if task.name == "bad once" and not task.interrupted:
        os._exit(3)
    return Outcome(task.model, "patched", f"interrupted={task.interrupted}")


def hang_at_bad_ones(task: Task) -> Outcome:
    if task.name == "bad" or (task.name == "bad once" and not task.interrupted):
        time.sleep(600)
    return Outcome(task.model, "patched", f"interrupted={task.interrupted}")


def process_id(task: Task) -> Outcome:
    time.sleep(0.02)
    return Outcome(task.model, "patched", str(os.getpid()))


def wait_for_release(task: Task) -> Outcome:
    Path(task.model).touch()
    while not Path(task.name).exists():
        time.sleep(0.01)
    return Outcome(task.model, "patched")


def start_another_process(task: Task) -> Outcome:
    process = subprocess.Popen(["sleep", "600"])
    Path(task.name).write_text(str(process.pid))
    process.wait()
    return Outcome(task.model, "patched")


def patch_slowly(job: Job, task: Task) -> Outcome:
    time.sleep(0.2)
    return patch_model(job, task)


def patch_on_a_disk_that_hangs(job: Job, task: Task) -> Outcome:
    outcome = patch_model(job, task)
    if not task.model.endswith("0/1"):  # Some come back.
        with TURN.left():
            time.sleep(600)
    return outcome


_at_work: set[str] = set()


def who_else_computes(task: Task) -> Outcome:
    _at_work.add(task.model)
    time.sleep(0.05)
    others = len(_at_work) - 1
    _at_work.remove(task.model)
    return Outcome(task.model, "patched", "others" if others else "nobody")
