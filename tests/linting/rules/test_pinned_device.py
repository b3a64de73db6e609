from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "pinned-device"

CALL = 'node { name: "c" op: "PartitionedCall" attr { key: "f" value { func { name: "f" } } } }'
FUNCTION = (
    'library { function { signature { name: "f" } node_def { name: "n" op: "NoOp" device: '
    '"/device:GPU:0" } } }'
)


@pytest.mark.parametrize(
    "device",
    [
        "/device:GPU:0",
        "/job:localhost/replica:0/task:0/device:GPU:1",
        "/gpu:0",
        "/device:TPU:*",
        "/device:XPU:0",
        "/job:worker/task:1/device:CPU:0",
        "/job:ps",
    ],
)
def test_elsewhere(tmp_path: Path, device: str) -> None:
    graph = graph_of(
        f'graph_def {{ node {{ name: "a" device: "{device}" }} node {{ name: "b" }} '
        f'node {{ name: "c" device: "{device}" }} }}'
    )
    assert find(RULE, write(tmp_path, graph)) == [
        ("warning", "", f"2 nodes are pinned to {device!r}, such as 'a'.")
    ]


@pytest.mark.parametrize(
    "device",
    [
        "",
        "/device:CPU:0",
        "/cpu:0",
        "/device:cpu:*",
        "/job:localhost",
        "/job:localhost/replica:0/task:0/device:CPU:0",
    ],
)
def test_here(tmp_path: Path, device: str) -> None:
    graph = graph_of(f'graph_def {{ node {{ name: "gpu:0/device:GPU" device: "{device}" }} }}')
    assert find(RULE, write(tmp_path, graph)) == []


@pytest.mark.parametrize(("call", "severity"), [(CALL, "warning"), ("", "info")])
def test_in_functions_that_are_called_or_not(tmp_path: Path, call: str, severity: str) -> None:
    model = write(tmp_path, graph_of(f"graph_def {{ {call} {FUNCTION} }}"))
    assert find(RULE, model) == [
        (severity, "", "One node is pinned to '/device:GPU:0', such as 'n' of function 'f'.")
    ]


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_models_for_any_machine(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_real_models(corpus: Path) -> None:
    # A session without soft placement refuses the first, and runs the second on a CPU.
    ((severity, _, message),) = find(RULE, corpus / "srv_half_plus_two_gpu")
    assert severity == "warning"
    assert message.startswith("29 nodes are pinned to '/device:GPU:0'")
    assert [severity for severity, _, _ in find(RULE, corpus / "pypi_basic_pitch")] == ["info"]
