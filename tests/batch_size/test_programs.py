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
from sigpb.batch_size.dimension import BatchError, relax_nodes
from tests.batch_size.batch_graphs import Functions
from tests.batch_size.batch_programs.program import SIZES, Program, draw_program, tensorflow
from tests.batch_size.batch_programs.running import Runner, graph_of

pytestmark = pytest.mark.tensorflow

_MOST_RESULTS = 4
MORE = int(os.environ.get("SIGPB_BATCH_PROGRAMS", "0"))


def opened(before: protos.GraphDef, size: int) -> protos.GraphDef:
    """Returns a graph that takes any batch as `x`; raises BatchError."""
    functions = Functions({each.signature.name: each for each in before.library.function})
    nodes = {node.name: node for node in before.node}
    relaxed = relax_nodes(nodes, {("x", 0): 0}, size, functions, [("y", 0)])
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
    if program.steps:
        note(repr(program))
        size, stated = choose([1, 1, 2, 3]), choose([True, False])
        for number in range(1, len(program.shapes))[-_MOST_RESULTS:]:
            note(f"t{number} from {size}{', shapes stated' if stated else ''}")
            check(program, number, size, stated)


def check(program: Program, number: int, size: int, stated: bool) -> bool:
    """Opens a program, and compares it with itself as it was built, for one example at a time.

    Returns:
        Whether it was opened.
    """
    before = graph_of(program, number, size, stated)
    try:
        after = opened(before, size)
    except BatchError:
        return False
    old, new = Runner(before), Runner(after)
    inner = [each.at(1) for each in program.sizes(0)[1:]]
    x = np.random.default_rng(3).uniform(-1, 1, [max(SIZES), *inner]).astype("float32")
    try:
        copies = [old(np.stack([example] * size)) for example in x]
    except tensorflow().errors.InvalidArgumentError:  # It never could be run.
        return False
    equal(new(x[:size]), old(x[:size]), "the old batch size")
    results = {batch: new(x[:batch]) for batch in SIZES}
    axis = axis_of([result.shape for result in results.values()])
    if axis is None:
        for batch, result in results.items():
            for each in copies:
                equal(result, each, f"a batch of {batch}, without the batch in it")
        return True
    alone = [np.take(each, range(each.shape[axis] // size), axis) for each in copies]
    for batch, result in results.items():
        equal(result, np.concatenate(alone[:batch], axis), f"a batch of {batch}")
    return True


def axis_of(shapes: list[tuple[int, ...]]) -> int | None:
    """Returns the dimension that is another for every batch; None if there is none."""
    (rank,) = {len(shape) for shape in shapes}
    axes = [axis for axis in range(rank) if len({shape[axis] for shape in shapes}) > 1]
    assert len(axes) <= 1, f"the sizes {axes} depend on the batch"
    return axes[0] if axes else None


def equal(result: Any, expected: Any, what: str) -> None:
    assert result.shape == expected.shape, f"{what}: {result.shape}, not {expected.shape}"
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4, err_msg=what)
