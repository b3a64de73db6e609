"""The graph of a part in that of a MetaGraph."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from tests.composing.absorbed_models import Model

_EMPTY = 'graph_def { node { name: "x" op: "Placeholder" } versions { producer: 100 } }'


def test_nodes_functions_and_gradients_come_behind_those_that_there_are(tmp_path: Path) -> None:
    before = """
        graph_def {
          node { name: "x" op: "Placeholder" }
          library {
            function { signature { name: "f_1" } }
            gradient { function_name: "f_1" gradient_func: "g" }
          }
          versions { producer: 100 min_consumer: 3 bad_consumers: 7 }
        }"""
    part = """
        graph_def {
          node { name: "s/y" op: "Identity" input: "s/x" }
          library {
            function { signature { name: "f_9" } }
            gradient { function_name: "f_9" gradient_func: "h" }
            registered_gradients { gradient_func: "h" registered_op_type: "H" }
          }
          versions { producer: 90 min_consumer: 12 bad_consumers: 5 bad_consumers: 7 }
        }"""
    graph = Model(tmp_path / "model", before).absorb(part)[0].graph_def
    assert [node.name for node in graph.node] == ["x", "s/y"]
    library = graph.library
    assert [each.signature.name for each in library.function] == ["f_1", "f_9"]
    assert [each.gradient_func for each in library.gradient] == ["g", "h"]
    assert [each.registered_op_type for each in library.registered_gradients] == ["H"]
    versions = protos.VersionDef(producer=100, min_consumer=12, bad_consumers=[5, 7])
    assert graph.versions == versions


def test_a_graph_without_functions_and_versions_gets_those_of_the_part(tmp_path: Path) -> None:
    model = Model(tmp_path / "model", 'graph_def { node { name: "x" op: "NoOp" } }')
    part = """
        graph_def {
          node { name: "s/y" op: "NoOp" }
          library { function { signature { name: "f_9" } } }
          versions { producer: 90 }
        }"""
    graph = model.absorb(part)[0].graph_def
    assert [each.signature.name for each in graph.library.function] == ["f_9"]
    assert graph.versions.producer == 90


@pytest.mark.parametrize(("own", "others"), [(21, 100), (100, 21)])
def test_old_placeholders_of_any_shape_stay_so(tmp_path: Path, own: int, others: int) -> None:
    def text(name: str, producer: int) -> str:
        attributes = 'attr { key: "shape" value { shape { } } }'
        node = f'node {{ name: "{name}" op: "Placeholder" {attributes} }}'
        return f"graph_def {{ {node} versions {{ producer: {producer} }} }}"

    graph = Model(tmp_path / "model", text("x", own)).absorb(text("s/x", others))[0].graph_def
    unknown = {node.name: node.attr["shape"].shape.unknown_rank for node in graph.node}
    assert unknown == {"x": own == 21, "s/x": others == 21}


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ('node { name: "x" op: "NoOp" }', "already has a node 'x'"),
        ('node { name: "taken/y" op: "NoOp" }', "already has nodes in the scope 'taken'"),
        ('library { function { signature { name: "f_1" } } }', "already has a function 'f_1'"),
        ("versions { producer: 8 }", "'TopK' of the graph of version 6 may not be in one of"),
    ],
)
def test_names_that_are_taken_and_ops_that_are_gone_are_refused(
    tmp_path: Path, part: str, problem: str
) -> None:
    before = """
        graph_def {
          node { name: "x" op: "TopK" }
          node { name: "Taken/x" op: "NoOp" }
          library { function { signature { name: "f_1" } } }
          versions { producer: 6 }
        }"""
    with pytest.raises(PatchError, match=problem):
        Model(tmp_path / "model", before).absorb(f"graph_def {{ {part} }}")


def test_ops_of_the_part_that_are_gone_are_refused(tmp_path: Path) -> None:
    part = 'graph_def { node { name: "s/x" op: "TopK" } versions { producer: 6 } }'
    with pytest.raises(PatchError, match="'TopK' of the graph of version 6"):
        Model(tmp_path / "model", _EMPTY).absorb(part)


def test_a_model_without_a_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchError, match="it has no graph"):
        Model(tmp_path / "model", "meta_info_def { }").absorb(_EMPTY)
