"""Looks for faults: ``python -m tools.fuzz [damage | differential | composing] [--seconds=N]``.

``damage``, the default, damages models of the repository and of the corpus (``$SIGPB_CORPUS``, or
beside the repository), as bytes and as messages, and gives them to the commands. A model that makes
one fail is written to ``--output=DIR``, beside a text with the command line; it can be tried again
with ``--reproduce=FILE``.

``differential`` builds random models, patches them at random, and compares what they compute in
TensorFlow. What is wrong is made small, and written as a stand-alone script to ``--output=DIR``.

``composing`` builds random models too, puts some before or behind others, merges and splits them,
and compares with what they compute one after the other.

The exit code is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from .damage import damage, reproduce
from .differential.supervise import supervise

# A model that makes sigpb ask for more than this does not take it from the machine.
_MAX_MEMORY = 4 << 30


def main() -> int:
    """Runs until the time is over, and returns the exit code."""
    arguments = _arguments()
    if arguments.reproduce:
        return reproduce(arguments.reproduce)
    output = arguments.output or Path(tempfile.mkdtemp(prefix="sigpb-fuzz-"))
    if arguments.part == "damage":
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        return damage(arguments.seconds, arguments.seed, output)
    families = arguments.family
    if arguments.part == "composing":
        from .composing.hunt import hunt

        return hunt(arguments.seconds, arguments.seed, output, families, arguments.models)
    return supervise(arguments.seconds, arguments.seed, output, families, arguments.models)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "part", nargs="?", choices=("damage", "differential", "composing"), default="damage"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long; 60 by default")
    parser.add_argument("--seed", type=int, default=0, help="0 by default")
    parser.add_argument(
        "--models", type=int, default=sys.maxsize, help="how many to build at the most"
    )
    parser.add_argument("--reproduce", type=Path, help="a damaged file that failed")
    parser.add_argument("--output", type=Path, help="where what fails is put; a new one by default")
    parser.add_argument(
        "--family",
        action="append",
        default=[],
        choices=("tf1", "tf2", "keras2", "keras3"),
        help="build only these models; repeatable",
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
