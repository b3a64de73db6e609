"""Policies as text."""

from __future__ import annotations

from google.protobuf import text_format

from sigpb import protos


def policy(text: str) -> protos.LintPolicy:
    return text_format.Parse(text, protos.LintPolicy())
