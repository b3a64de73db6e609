"""Ops and attributes that TensorFlow adds to models, and that older versions of it do not know."""

from __future__ import annotations

from typing import NamedTuple


class Newer(NamedTuple):
    """What TensorFlow began to write at some time.

    Attributes:
        op: The op.
        attribute: The attribute of it that is new; empty if the op is.
        unknown_to: The versions of TensorFlow that refuse it, of 1.15 to 2.21, as measured.
    """

    op: str
    attribute: str
    unknown_to: str

    def __str__(self) -> str:
        what = f"attribute {self.attribute!r} of {self.op}" if self.attribute else f"op {self.op}"
        return f"TensorFlow {self.unknown_to} does not know the {what}."


NEWER = (
    Newer("DisableCopyOnRead", "", "1.15, and some loaders of releases up to 2.8,"),
    Newer("VarHandleOp", "debug_name", "1.15"),
)
"""What is written by TensorFlow 2.12 and later, and by 2.15 and later."""
