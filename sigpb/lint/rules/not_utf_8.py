"""Text that protobuf refuses to read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sigpb.inspect.dump.element_names import path_at
from sigpb.inspect.dump.proto_path import path_text
from sigpb.inspect.schema import descriptor
from sigpb.lint.linted_model import LintedModel
from sigpb.lint.rule import Finding, LintRule
from sigpb.lint.undecodable import undecodable

_REPORTED = 10
_SHOWN = 40


class NotUtf8(LintRule):
    """Finds names and other text that are not UTF-8, anywhere in the file."""

    id = "not-utf-8"
    severity = "error"
    explanation = (
        "A name, or another field of text, holds bytes that are not UTF-8. TensorFlow refuses the "
        "whole file, wherever that is: 'Can't parse … as binary proto'. The file was damaged, or "
        "written by software that does not check. 'sigpb salvage' saves what can be read. At most "
        "ten places are reported, and other rules are not asked while there are any."
    )
    is_decisive = True

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Goes through the file; values of constants are passed over."""
        root, schema = model.model.root, descriptor("SavedModel")
        for field in islice(undecodable(root, schema), _REPORTED):
            text = bytes(root.buffer[field.value_start : field.value_end])
            yield self.finding(
                f"The text at byte {field.value_start} is not UTF-8: {text[:_SHOWN]!r}.",
                path_text(path_at(root, schema, field.start)),
            )
