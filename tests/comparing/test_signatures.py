"""How signatures are recognised."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.tf.called_functions import CALL_OPS
from tests.comparing.patched import difference, only_graph, patched
from tests.patches import ModelFactory, altered

Found = list[tuple[str | None, str | None, bool]]


def found(model_and_patch: tuple[ModelFactory, str, str]) -> Found:
    """What became of the signatures that changed: their keys, and whether they are copies."""
    fixture_model, name, patch = model_and_patch
    model = fixture_model(name)
    changes = only_graph(model, patched(model, patch)).changed_signatures
    return [(change.before, change.after, change.copied) for change in changes]


@pytest.mark.parametrize("name", ["tf1_shared", "tf2_image"])
def test_swapped(fixture_model: ModelFactory, name: str) -> None:
    other = "regress" if name == "tf1_shared" else "echo"
    swap = f"""signature {{ key: "serving_default" rename_to: "{other}" }}
      signature {{ key: "{other}" rename_to: "serving_default" }}"""

    assert sorted(found((fixture_model, name, swap)), key=str) == sorted(
        [("serving_default", other, False), (other, "serving_default", False)], key=str
    )


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (
            """signature { key: "serving_default" output { key: "p" drop: true } }
            signature { key: "old" copy_of: "serving_default" }""",
            [
                ("serving_default", "serving_default", False),
                ("serving_default", "old", True),
            ],
        ),
        (
            """signature { key: "serving_default" rename_to: "new" output { key: "p" drop: true } }
            signature { key: "a" copy_of: "serving_default" }
            signature { key: "z" copy_of: "serving_default" }""",
            [
                ("serving_default", "new", False),
                ("serving_default", "a", True),
                ("serving_default", "z", True),
            ],
        ),
        (
            """signature { key: "single" rename_to: "serving_default" }
            signature { key: "serving_default" drop: true }""",
            [("serving_default", None, False), ("single", "serving_default", False)],
        ),
    ],
)
def test_copies_and_deletions(fixture_model: ModelFactory, patch: str, expected: Found) -> None:
    assert found((fixture_model, "tf2_linear", patch)) == expected


def test_known_by_their_functions_where_no_node_is_what_it_was(
    fixture_model: ModelFactory,
) -> None:
    def move_calls(graph: protos.MetaGraphDef) -> None:
        for node in graph.graph_def.node:
            if node.op in CALL_OPS:
                node.device = "/cpu:0"

    model = fixture_model("tf2_linear")
    patch = """signature { key: "serving_default" rename_to: "a" }
      signature { key: "other" rename_to: "b" } signature { key: "single" rename_to: "c" }"""
    after = altered(patched(model, patch), move_calls)

    changes = only_graph(model, after).changed_signatures

    assert {(change.before, change.after) for change in changes} == {
        ("serving_default", "a"),
        ("other", "b"),
        ("single", "c"),
    }


def test_without_inputs_and_outputs(fixture_model: ModelFactory) -> None:
    patch = 'signature { key: "reset" rename_to: "clear" }'

    assert found((fixture_model, "tf2_stateful", patch)) == [("reset", "clear", False)]


def test_no_signatures(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    empty = altered(fixture_model("tf1_no_variables"), lambda graph: graph.signature_def.clear())

    (key,) = (change.before for change in only_graph(model, empty).signatures)
    assert only_graph(model, empty).signatures[0].after is None
    (added,) = only_graph(empty, model).signatures
    assert (added.before, added.after) == (None, key)
    assert difference(empty, empty).is_same


def test_internal_signatures(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_shared")
    after = altered(
        fixture_model("tf1_shared"),
        lambda graph: graph.signature_def["__saved_model_train_op"].SetInParent(),
    )

    assert only_graph(model, after).internal.added == ("__saved_model_train_op",)
    assert only_graph(model, after).changed_signatures == ()
