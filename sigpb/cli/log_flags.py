"""The flags that all commands take, and the logs that some of them ask for.

They are those of `absl.app` and `absl.logging`, which is imported only if a flag of it is given.
"""

from __future__ import annotations

import contextlib
import copy
import logging as standard_logging
import sys
from collections.abc import Iterator
from typing import Any

from absl import flags, logging

# The flags of absl.logging, in the words of this help.
_LOG_FLAGS = {
    "verbosity": "How much to log: -1 warnings, 0 how long phases take, 1 also the files.",
    "logtostderr": "Log to the standard error, and to no file.",
    "alsologtostderr": "With --log_dir: log to the standard error too.",
    "log_dir": "DIR: log to a file there.",
    "stderrthreshold": "LEVEL: with --log_dir, log to the standard error too from this level on.",
    "showprefixforinfo": "With -v 0: begin lines with the time and the place in the code.",
}


def general_flags() -> Iterator[flags.Flag[Any]]:
    """Yields the flags that all commands take."""
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    for name, meaning in (
        ("help", "Show what the command does, its flags and examples."),
        ("helpshort", "The same."),
        ("helpfull", "The same, with the flags of all commands; without a command, all there is."),
        ("helpxml", "The flags in the XML of absl."),
        ("version", "Show the version of sigpb."),
    ):
        short_name = "h" if name == "help" else None
        flags.DEFINE_bool(name, False, meaning, short_name=short_name, flag_values=values)
    for name, meaning in (
        ("flagfile", "FILE: the flags in this file, one in each line."),
        ("undefok", "NAME,…: ignore these flags if there are none of these names."),
    ):
        flags.DEFINE_string(name, None, meaning, flag_values=values)
    yield from (values[name] for name in values if values[name].name == name)
    for name, meaning in _LOG_FLAGS.items():
        flag = copy.deepcopy(flags.FLAGS[name])
        flag.help = meaning
        yield flag


def define_log_flags(values: flags.FlagValues) -> None:
    """Adds the flags of `absl.logging` to those of a command."""
    for name in _LOG_FLAGS:
        flag = flags.FLAGS[name]
        flag.unparse()
        values[name] = flag


@contextlib.contextmanager
def logs(values: flags.FlagValues) -> Iterator[None]:
    """Has the logs go where flags say; see `define_log_flags`.

    Raises:
        OSError: If the directory of ``--log_dir`` cannot be written to.
    """
    root, ours = standard_logging.getLogger(), standard_logging.getLogger("sigpb")
    handler, level = logging.get_absl_handler(), root.level
    flags.FLAGS.mark_as_parsed()
    logging.use_absl_handler()
    if values["verbosity"].using_default_value:  # As absl.app has it.
        values["verbosity"].value = logging.INFO
    handler.python_handler.stream = sys.stderr
    # What other libraries log in detail may be requests to stores, with what authorises them.
    ours.setLevel(root.level)
    root.setLevel(level)
    try:
        if values["log_dir"].present:
            handler.use_absl_log_file("sigpb", values.log_dir)
        yield
    finally:
        root.removeHandler(handler)
        ours.setLevel(standard_logging.NOTSET)
