"""The language of patch files, for --patch=FILE: every field and what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigpb.cli.help.proto_reference import Page
from sigpb.inspect.styled_text import Line

EXAMPLE = """\
# proto-file: sigpb/proto/saved_model_patch.proto
# proto-message: SavedModelPatch
id: "image-input"
reason: "Clients send images as bytes."
signature {
  key: "serving_default"
  input {
    key: "x"
    rename_to: "image"
    dtype: "uint8"
  }
  output { key: "p" rename_to: "scores" }
  output { key: "s" drop: true }
}
"""
"""A patch of proto_fixtures/tf2_linear."""

_INTRODUCTION = (
    "A patch file is a text proto of the message SavedModelPatch, or JSON of the same fields if "
    "its name ends in .json. Flags of 'sigpb patch' that say what a field says are in brackets. "
    "'sigpb patch --emit_patch' prints the flags of a command line as a patch file, and 'sigpb "
    "infer' makes one of two models."
)


def _flags() -> dict[tuple[str, str], tuple[str, ...]]:
    from sigpb.cli.help.flags_of_fields import flags_of_fields

    return flags_of_fields()


PAGE = Page("Patch language", _INTRODUCTION, EXAMPLE, "saved_model_patch.proto", _flags)
"""The page."""


def lines(arguments: Sequence[str], width: int) -> Iterator[Line]:
    """Yields the text."""
    yield from PAGE.lines(width)
