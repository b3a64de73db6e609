from __future__ import annotations

import pytest

from sigpb.graphs.added_nodes import is_spliced

from .small_graphs import nodes


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("x = PlaceholderWithDefault(sigpb/s/x/Cast)", True),
        ("x = PlaceholderWithDefault(constant)", False),
        ("x = PlaceholderWithDefault()", False),
        ("x = Neg(sigpb/s/x/Cast)", False),
        # One that sigpb added in the place of a placeholder with a default of its own.
        ("sigpb/s/x = PlaceholderWithDefault(sigpb/s/x/default)", False),
    ],
)
def test_placeholders_that_take_what_sigpb_computes(node: str, expected: bool) -> None:
    (parsed,) = nodes(node)
    assert is_spliced(parsed) == expected
