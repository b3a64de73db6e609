"""Random programs that are opened compute each example as before, or are refused.

``SIGPB_BATCH_PROGRAMS=5000`` draws so many, others each time.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from sigpb import protos
from sigpb.graph.batch_dimension import BatchError, relax_nodes
from tests.graph.batch_graphs import Functions
from tests.graph.batch_programs import SIZES, Program, Runner, draw_program, graph_of

pytestmark = pytest.mark.tensorflow

MORE = int(os.environ.get("SIGPB_BATCH_PROGRAMS", "0"))


def opened(before: protos.GraphDef, size: int, results: list[str]) -> protos.GraphDef:
    """Returns a graph that takes any batch as `x`; raises BatchError."""
    functions = Functions({each.signature.name: each for each in before.library.function})
    nodes = {node.name: node for node in before.node}
    ports = [(name, 0) for name in results]
    relaxed = relax_nodes(nodes, {("x", 0): 0}, size, functions, ports)
    changed = [each for node in before.node for each in relaxed.nodes.get(node.name, (node,))]
    after = protos.GraphDef(versions=before.versions, node=changed)
    after.library.function.extend(functions.by_name.values())
    return after


@settings(
    max_examples=MORE or 150,
    derandomize=not MORE,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_each_example_as_before_or_refused(data: Any) -> None:
    def choose(options: Any) -> Any:
        options = list(options)
        return options[data.draw(st.integers(0, len(options) - 1))]

    program = draw_program(choose, steps=choose([2, 3, 4, 6, 8]))
    if not program.steps:
        return
    note(repr(program))
    check(program, choose([1, 1, 2, 3]), stated=choose([True, False]))


def check(program: Program, size: int, *, stated: bool) -> list[str]:
    """Opens a program for each of its tensors that can be; returns what was opened."""
    before, names = graph_of(program, size, stated)
    for number, name in enumerate(names):
        try:
            after = opened(before, size, [name])
        except BatchError:
            continue
        note(f"opened t{number + 1} from {size}")
        check_values(program, size, before, after, name)
    return names


def check_values(
    program: Program, size: int, before: protos.GraphDef, after: protos.GraphDef, name: str
) -> None:
    """Compares results with those of the program as it was built, for one example at a time."""
    old, new = Runner(before, [name]), Runner(after, [name])
    inner = [each.at(1) for each in program.shapes[0][1:] if each is not None]
    x = np.random.default_rng(3).uniform(-1, 1, [max(SIZES), *inner]).astype("float32")
    copies = [old(np.stack([example] * size))[0] for example in x]
    results = {batch: new(x[:batch])[0] for batch in SIZES}
    equal(new(x[:size])[0], old(x[:size])[0], "the old batch size")
    axis = axis_of([result.shape for result in results.values()])
    if axis is None:
        for batch, result in results.items():
            for each in copies:
                equal(result, each, f"a batch of {batch}, without the batch in it")
        return
    alone = [np.take(each, range(each.shape[axis] // size), axis) for each in copies]
    for batch, result in results.items():
        equal(result, np.concatenate(alone[:batch], axis), f"a batch of {batch}")


def axis_of(shapes: list[tuple[int, ...]]) -> int | None:
    """Returns the dimension that is another for every batch; None if there is none."""
    (rank,) = {len(shape) for shape in shapes}
    axes = [axis for axis in range(rank) if len({shape[axis] for shape in shapes}) > 1]
    assert len(axes) <= 1, f"the sizes {axes} depend on the batch"
    return axes[0] if axes else None


def equal(result: Any, expected: Any, what: str) -> None:
    assert result.shape == expected.shape, f"{what}: {result.shape}, not {expected.shape}"
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4, err_msg=what)
