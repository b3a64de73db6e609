"""The policy of a repository, for 'sigpb lint --policy=FILE': every field and what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigpb.cli.help.proto_reference import Page
from sigpb.inspect.styled_text import Line

EXAMPLE = """\
# proto-file: sigpb/proto/lint_policy.proto
# proto-message: LintPolicy
ignore: "float64-input"
severity { rule: "fixed-batch" severity: "error" }
signature {
  key: "serving_default"
  method_name: "tensorflow/serving/predict"
  input { key: "x" dtype: "float32" shape: "[?,3]" }
}
"""
"""A policy that proto_fixtures/tf2_linear does not fulfil: it has another input."""

_INTRODUCTION = (
    "A policy is a text proto of the message LintPolicy. 'sigpb help lint-rules' lists the rules."
)

PAGE = Page("Lint policy", _INTRODUCTION, EXAMPLE, "lint_policy.proto")
"""The page."""


def lines(arguments: Sequence[str], width: int) -> Iterator[Line]:
    """Yields the text."""
    yield from PAGE.lines(width)
