"""``python -m tools.freeze record FILE`` and ``compare FILE``; the package says more."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import tools.freeze

from .freezing import Choice, Frozen, differences, freeze


def main() -> int:
    """Records or compares, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.freeze",
        description=tools.freeze.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--all", action="store_true", help="run everything, not a sample")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB")
    parser.add_argument("--texts", action="store_true", help="record what was printed as well")
    arguments = parser.parse_args()
    choice = Choice(everything=arguments.all, only=arguments.only)
    if arguments.action == "record":
        value = freeze(choice).to_json(with_texts=arguments.texts)
        arguments.file.write_text(json.dumps(value, indent=0, sort_keys=True), encoding="utf-8")
        print(f"{sum(map(len, value['outcomes'].values())):,} commands were recorded")
        return 0
    before = Frozen(**json.loads(arguments.file.read_text(encoding="utf-8")))
    after = freeze(choice)
    different = 0
    for line in differences(before, after, whole=not choice.only):
        different += not line.startswith(" ")
        print(line)
    run = sum(map(len, after.outcomes.values()))
    print(f"{run:,} commands were run; {different:,} did something else than before")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
