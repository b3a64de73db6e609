"""Where the keys of a JSON text are, which Python's parser does not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]')


def json_keys(text: str) -> Iterator[tuple[str, int]]:
    """Yields every key of every object with its offset.

    Args:
        text: Valid JSON.

    Yields:
        The path of the key, such as ``.signature[0].key``, and the offset of its opening quote.
    """
    # For each open container its path, and the position in a list or None in an object.
    open_containers: list[tuple[str, int | None]] = []
    path = ""
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            open_containers.append((path, None if token[0] == "{" else 0))
        elif token[0] in "}]":
            open_containers.pop()
        elif token[0] == ",":
            container, position = open_containers[-1]
            open_containers[-1] = container, None if position is None else position + 1
        elif _is_key(text, token.end()):
            path = f"{open_containers[-1][0]}.{json.loads(token[0])}"
            yield path, token.start()
        if open_containers and open_containers[-1][1] is not None:
            container, position = open_containers[-1]
            path = f"{container}[{position}]"


def _is_key(text: str, end: int) -> bool:
    return text[end:].lstrip(" \t\r\n").startswith(":")
