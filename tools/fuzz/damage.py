"""Damages the models of the repository and of the corpus, and gives them to the targets."""

from __future__ import annotations

import os
import random
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from sigpb.errors import SigpbError
from sigpb.inspect.wire.wire_tree import open_bytes

from .mutations import mutate
from .targets import Target, targets

_REPOSITORY = Path(__file__).resolve().parents[2]

# Larger models would take most of the time.
_MAX_SIZE = 30_000

# A run that takes longer is a failure.
_MAX_SECONDS = 30


def reproduce(file: Path) -> int:
    """Gives a file that failed to all targets again, and returns the exit code."""
    data = file.read_bytes()
    return int(sum(_fails(target, data) for target in targets()) > 0)


def damage(seconds: float, seed: int) -> int:
    """Damages files until the time is over, and returns the exit code."""
    models = _models()
    print(f"seed {seed}, {len(models)} models", flush=True)
    end = time.monotonic() + seconds
    executions: Counter[str] = Counter()
    failures = number = 0
    while time.monotonic() < end:
        number += 1
        # One generator for each file: the seed and the number are enough to make it again.
        chance = random.Random(f"{seed}/{number}")
        data, how = mutate(chance, chance.choice(models), chance.choice(models))
        for target in targets():
            executions[target.__name__] += 1
            if _fails(target, data):
                failures += 1
                file = Path(tempfile.gettempdir(), f"sigpb-fuzz-{seed}-{number}")
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
