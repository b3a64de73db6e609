"""What sigpb does and how long that takes, for whoever listens to the logger ``sigpb``.

By default nobody does, and then it costs next to nothing. ``sigpb -v 1`` has `absl.logging` write
it to the standard error; from Python, ``logging.basicConfig(level=logging.DEBUG)`` does.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sigpb.visible_text import visible

_P = ParamSpec("_P")
_R = TypeVar("_R")

_LOGGER = logging.getLogger("sigpb")


def phase(name: str, level: int = logging.INFO) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Has a function log how long a call of it took.

    Args:
        name: What the function does, in a word or two.
        level: The level at which it logs.
    """

    def with_time(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def timed(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            if not _LOGGER.isEnabledFor(level):
                return function(*args, **kwargs)
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.perf_counter() - started
                _LOGGER.log(level, "%s: %.1f ms", name, took * 1000, stacklevel=2)

        return timed

    return with_time


def is_detailed() -> bool:
    """Whether somebody listens to what `detail` says; asks before something is counted for it."""
    return _LOGGER.isEnabledFor(logging.DEBUG)


def detail(text: str) -> None:
    """Logs something at the level DEBUG; what cannot be seen in names is spelled out."""
    _LOGGER.debug("%s", visible(text), stacklevel=2)
