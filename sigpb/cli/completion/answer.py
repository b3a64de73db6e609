"""What the scripts of shells call: prints what may follow on a command line, a line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence


def answer(arguments: Sequence[str]) -> int:
    """Prints what may follow on a command line.

    Args:
        arguments: For bash ``bash``, the characters that break words, and the line up to the
            cursor; for others a shell's name, and the words after ``sigpb`` up to the cursor.

    Returns:
        The exit code: 0, also where nothing can be said, since this is printed amid what somebody
        types.
    """
    try:
        sys.stdout.write("".join(f"{each}\n" for each in _lines(*arguments)))
    except Exception:
        return 0
    return 0


def _lines(shell: str, *rest: str) -> Iterator[str]:
    from sigpb.cli.completion.candidates import candidates

    if shell == "bash":
        from sigpb.cli.completion.bash_line import BashLine

        line = BashLine.read(rest[1], breaks=rest[0])
        for each in candidates(line.words[1:]):
            if (written := line.written(each.text)) is not None:
                yield written
    else:
        yield from (f"{text}\t{meaning}" for text, meaning in candidates(rest))
