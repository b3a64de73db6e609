"""Fuzzes what reads damaged files: ``python -m tools.fuzz [--seconds=N] [--seed=N]``.

Models of the repository and of the corpus (``$SIGPB_CORPUS``, or beside the repository) are damaged
and given to the targets. What fails is written to a file, from which it can be tried again with
``--reproduce=FILE``. The exit code is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from sigpb.errors import SigpbError
from sigpb.inspect.wire.wire_source import open_bytes

from .mutations import mutate
from .targets import Target, targets

_REPOSITORY = Path(__file__).resolve().parents[2]

# Larger models would take most of the time.
_MAX_SIZE = 30_000

# A run that takes longer is a failure.
_MAX_SECONDS = 30


def main() -> int:
    """Runs until the time is over, and returns the exit code."""
    arguments = _arguments()
    if arguments.reproduce:
        data = arguments.reproduce.read_bytes()
        return int(sum(_fails(target, data) for target in targets()) > 0)
    models = _models()
    print(f"seed {arguments.seed}, {len(models)} models", flush=True)
    end = time.monotonic() + arguments.seconds
    executions: Counter[str] = Counter()
    failures = number = 0
    while time.monotonic() < end:
        number += 1
        # One generator for each file: the seed and the number are enough to make it again.
        chance = random.Random(f"{arguments.seed}/{number}")
        data, how = mutate(chance, chance.choice(models), chance.choice(models))
        for target in targets():
            executions[target.__name__] += 1
            if _fails(target, data):
                failures += 1
                file = Path(tempfile.gettempdir(), f"sigpb-fuzz-{arguments.seed}-{number}")
                file.write_bytes(data)
                print(f"{target.__name__} fails on {file} ({', '.join(how)})", flush=True)
    counts = ", ".join(f"{name} {count:,}" for name, count in executions.items())
    print(f"{number:,} damaged files; executions: {counts}; failures: {failures}")
    return int(failures > 0)


def _fails(target: Target, data: bytes) -> bool:
    before = time.process_time()
    try:
        with tempfile.TemporaryDirectory(prefix="sigpb-fuzz-") as scratch:
            target(data, Path(scratch))
    except Exception:
        traceback.print_exc()
        return True
    seconds = time.process_time() - before
    if seconds > _MAX_SECONDS:
        print(f"{target.__name__} took {seconds:.0f} seconds for {len(data):,} bytes")
        return True
    return False


def _models() -> list[bytes]:
    corpus = Path(os.environ.get("SIGPB_CORPUS", _REPOSITORY.parent / "shared" / "corpus"))
    files = [
        *sorted(_REPOSITORY.glob("proto_fixtures/*/saved_model.pbtxt")),
        *sorted(corpus.glob("**/saved_model.pb")),
        *sorted(corpus.glob("**/fingerprint.pb")),
    ]
    models = []
    for file in files:
        try:
            with open_bytes(file) as source:
                if 0 < len(source.buffer) <= _MAX_SIZE:
                    models.append(bytes(source.buffer))
        except SigpbError as error:
            print(f"left out: {error}")
    return models


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long; 60 by default")
    parser.add_argument("--seed", type=int, default=0, help="0 by default")
    parser.add_argument("--reproduce", type=Path, help="a file that failed, to try it again")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
