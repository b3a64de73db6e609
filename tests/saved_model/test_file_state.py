from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sigpb.saved_model.file_state import sha256_of


@pytest.mark.parametrize("content", [b"", b"a", b"0123456789" * 300_000])
def test_the_digest_of_a_file_is_that_of_its_content(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)

    assert sha256_of(file) == hashlib.sha256(content).hexdigest()
