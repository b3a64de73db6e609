"""An output has another dtype."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, restated
from sigpb.tensor_types import dtype_name


def _check(served: Served) -> Iterator[str]:
    return restated(served, "output", lambda end: dtype_name(end.dtype))


RULE = Rule("output-dtype-changed", "breaking", __doc__, _check)
