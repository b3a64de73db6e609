"""What looking at a large model takes of memory."""

from __future__ import annotations

import resource

import pytest

from tests.cli.command_line import run_process
from tests.linting.test_memory import add_constant
from tests.patches import ModelFactory


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["size", "--by=section"], "uint8 []                  meta_graphs[serve].graph_def.node"),
        (["size", "--by=node"], 'meta_graphs[serve].graph_def.node["large"]'),
        (["size", "--format=html"], "large (Const)"),
        (["grep", "^large$"], 'meta_graphs[serve].graph_def.node["large"]'),
        (["trace", "large"], 'defined     meta_graphs[serve].graph_def.node["large"]'),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_gigabyte_is_not_read_into_memory(
    fixture_model: ModelFactory, command: list[str], told: str
) -> None:
    model = fixture_model("tf2_linear")
    add_constant(model, 1 << 30)
    name, *rest = command
    arguments = [rest[0], str(model)] if name == "grep" else [str(model), *rest]

    outcome = run_process(
        name,
        *arguments,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (100 << 20, 100 << 20)),
    )

    assert (outcome.code, outcome.err) == (0, "")
    assert told in outcome.out
