"""Runs patched models of many versions of TensorFlow: ``python -m tools.compatibility``.

The models are in ``$SIGPB_VERSIONS``, or in ``shared/versions`` beside the repository, one
directory for each version that wrote some. Each model is patched in three ways and compared with
what it was under both loaders of the TensorFlow that is installed, after a re-save, and, from
TensorFlow 2.16 on, by its fingerprint and its importers to MLIR.

The exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from .matrix import Row, patched_and_compared

_REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> int:
    """Prints a row for each version, and returns the exit code."""
    arguments = _arguments()
    files = sorted(arguments.models.glob("*/*/saved_model.pb"))[:: arguments.every]
    models: dict[Path, list[Path]] = {}
    for file in files:
        models.setdefault(file.parents[1], []).append(file.parent)
    if not models:
        print(f"skipped: there are no models in {arguments.models}")
        return 0
    import tensorflow as tf

    print(f"TensorFlow {tf.__version__}")
    start = time.monotonic()
    total = Row()
    for version in models:
        row = Row()
        for model in models[version]:
            with tempfile.TemporaryDirectory(prefix="sigpb-compatibility-") as scratch:
                row += patched_and_compared(model, Path(scratch))
        print(f"{version.name:8} {row}", flush=True)
        for fault in row.faults:
            print(f"    {fault}")
        total += row
    print(f"all      {total}, {time.monotonic() - start:.0f} seconds")
    return int(bool(total.faults))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.compatibility",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = os.environ.get("SIGPB_VERSIONS", _REPOSITORY.parent / "shared" / "versions")
    parser.add_argument("--models", type=Path, default=Path(default), help="the directory")
    parser.add_argument("--every", type=int, default=1, help="1: all of them, 2: every second")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
