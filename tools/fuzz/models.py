"""The models that are damaged: small ones of the repository and of the corpus."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from sigpb.errors import SigpbError
from sigpb.inspect.wire_tree import open_bytes

from .command_line import contents

_REPOSITORY = Path(__file__).resolve().parents[2]
FIXTURES = _REPOSITORY / "proto_fixtures"

# Larger models would take most of the time.
_MAX_SIZE = 30_000


@functools.cache
def models() -> tuple[bytes, ...]:
    """Returns the protos of all that are small, as binary protos."""
    corpus = Path(os.environ.get("SIGPB_CORPUS", _REPOSITORY.parent / "shared" / "corpus"))
    files = [
        *sorted(FIXTURES.glob("*/saved_model.pbtxt")),
        *sorted(corpus.glob("**/saved_model.pb")),
    ]
    found = []
    for file in files:
        try:
            with open_bytes(file) as source:
                if 0 < len(source.buffer) <= _MAX_SIZE:
                    found.append(bytes(source.buffer))
        except SigpbError as error:
            print(f"left out: {error}")
    return tuple(found)


@functools.cache
def fixture(name: str) -> dict[str, bytes]:
    """Returns the files of a model of the repository, with a binary proto."""
    files = {
        key: content
        for key, content in contents(FIXTURES / name).items()
        if not key.endswith((".pbtxt", "/"))
    }
    with open_bytes(FIXTURES / name / "saved_model.pbtxt") as source:
        return {**files, "saved_model.pb": bytes(source.buffer)}
