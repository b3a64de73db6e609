"""Calls functions in new processes, in which TensorFlow has been imported and done nothing yet.

Models that are loaded in one process share what has the same ``shared_name``: their tables and
variables may meet. So each model of a comparison is loaded where no other one is.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# A process that imports this once is copied for each call.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tools.fuzz.composing.loaders"])


class Failed(Exception):
    """What was called raised an exception, or ended its process; the message says which."""


def fresh(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a function of a module in a new process.

    Args:
        function: The function; what it takes and returns is pickled.
        *args: What it is called with.
        **kwargs: The same, by name.

    Raises:
        Failed: If it raises anything, or crashes.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_answer, args=(theirs, function, args, kwargs), daemon=True)
    process.start()
    theirs.close()
    try:
        result, problem = ours.recv()
    except EOFError:
        process.join()
        raise Failed(f"the process ended with {process.exitcode}") from None
    process.join()
    if problem is not None:
        raise Failed(problem)
    return result  # type: ignore[no-any-return]


def _answer(
    pipe: Connection,
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    try:
        answer: tuple[object, str | None] = function(*args, **kwargs), None
    except Exception as error:  # Whatever TensorFlow raises is told to whoever asked.
        answer = None, f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    pipe.send(answer)
