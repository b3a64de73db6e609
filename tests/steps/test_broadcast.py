from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.broadcast import Broadcast
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.graph_body import GraphDefBody


def test_types() -> None:
    assert made_of("broadcast()", "float32 [3]") == "float32 [?,3]"
    assert made_of("broadcast()", "string []") == "string [?]"
    assert taken_for("broadcast()", "float32 [?,3]") == "float32 [3]"


@pytest.mark.parametrize("shape", ["[?]", "[?,3]", "<unknown>"])
def test_rows_are_not_repeated_again(shape: str) -> None:
    assert refused("broadcast()", f"float32 {shape}") == (
        f"broadcast takes one row, of which all sizes are known, not {shape}"
    )


def test_it_makes_one_row_which_is_repeated_behind_all_steps() -> None:
    body = GraphDefBody()
    tensor = body.placeholder("x", 1, (3,))
    Broadcast().build(body, tensor, type_of("float32 [3]"))
    assert body.ops == ["Placeholder", "Const", "ExpandDims"]
    assert Broadcast().evaluate(np.float32([1, 2])).tolist() == [[1, 2]]
