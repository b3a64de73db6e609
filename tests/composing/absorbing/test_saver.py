"""The savers of a MetaGraph and of a part made one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from tests.composing.absorbed_models import Model

_KEYS = "value { tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: 'w' } }"

_VARIABLES = 'collection_def { key: "variables" value { bytes_list { value: "" } } }'

# As TensorFlow 1 writes it: name, op, inputs.
_NODES = """
    default Const
    path PlaceholderWithDefault default
    keys Const
    write SaveV2 path keys keys variable
    saved Identity path ^write
    read RestoreV2 path:0 keys keys
    assign Assign variable read
    shard NoOp ^assign
    restore NoOp ^shard
"""


def _text(scope: str = "", version: str = "V2", more: str = "") -> str:
    nodes = []
    for line in f"{_NODES.strip()}\n{more}".splitlines():
        name, op, *inputs = line.split()
        taken = (f"^{scope}{i[1:]}" if i.startswith("^") else scope + i for i in inputs)
        listed = " ".join(f'input: "{each}"' for each in taken)
        value = f'attr {{ key: "value" {_KEYS} }}' if name == "keys" else ""
        if op.endswith("V2"):
            value = 'attr { key: "dtypes" value { list { type: DT_FLOAT } } }'
        nodes.append(f'node {{ name: "{scope}{name}" op: "{op}" {listed} {value} }}')
    saver = (
        f'filename_tensor_name: "{scope}path:0" save_tensor_name: "{scope}saved:0" '
        f'restore_op_name: "{scope}restore" version: {version}'
    )
    graph = f"graph_def {{ {' '.join(nodes)} versions {{ producer: 100 }} }}"
    return f"{graph} saver_def {{ {saver} }}"


def _inputs(merged: protos.MetaGraphDef) -> dict[str, list[str]]:
    return {node.name: list(node.input) for node in merged.graph_def.node}


def test_one_path_is_read_by_both_and_two_that_are_written_become_one(tmp_path: Path) -> None:
    merged, _ = Model(tmp_path / "model", _text()).absorb(_text("s/"))
    inputs = _inputs(merged)
    saver = merged.saver_def
    assert saver.filename_tensor_name == "path:0"
    assert inputs[saver.restore_op_name] == ["^restore", "^s/restore"]
    assert inputs["read"] == ["path:0", "keys", "keys"]
    assert inputs["s/read"] == ["path", "s/keys", "s/keys"]
    assert "s/path" not in inputs
    assert "s/default" not in inputs, "nothing takes it any more"
    prefixes = [inputs[name][0] for name in ("write", "s/write")]
    assert [inputs[name][0] for name in ("saved", "s/saved")] == prefixes
    assert [inputs[prefix] for prefix in prefixes] == [
        ["path", "s/saver/end"],
        ["path", "s/saver/end_1"],
    ]
    assert saver.save_tensor_name == "s/saver/saved:0"
    assert inputs["s/saver/saved"] == ["path", "^s/saver/merge"]
    assert inputs["s/saver/merge"] == ["s/saver/prefixes", "path"]
    assert inputs["s/saver/prefixes"] == [*prefixes, "^saved", "^s/saved"]


def test_nothing_is_where_a_path_that_goes_was(tmp_path: Path) -> None:
    # TensorFlow puts the Identity of the path that it returns where the path is.
    part = _text("s/")
    for name, places in (("saved", ["s/path"]), ("write", ["s/path", "s/assign"])):
        listed = " ".join(f's: "loc:@{place}"' for place in places)
        located = f'attr {{ key: "_class" value {{ list {{ {listed} }} }} }}'
        part = part.replace(f'name: "s/{name}"', f'name: "s/{name}" {located}')
    merged, _ = Model(tmp_path / "model", _text()).absorb(part)
    found = {node.name: node.attr["_class"].list.s for node in merged.graph_def.node if node.attr}
    assert found["s/write"] == [b"loc:@s/assign"]
    assert not found.get("s/saved")


def test_a_third_one_joins_the_two(tmp_path: Path) -> None:
    two, _ = Model(tmp_path / "model", _text()).absorb(_text("s/"))
    merged, _ = Model(tmp_path / "model", two).absorb(_text("t/"))
    inputs = _inputs(merged)
    assert [inputs[name][0] for name in ("read", "s/read", "t/read")] == ["path:0", "path", "path"]
    assert inputs["s/saver/merge"] == ["s/saver/prefixes", "t/saver/prefix"]
    assert inputs["t/saver/prefixes"] == [
        *("t/saver/prefix", "t/saver/prefix_1"),
        *("^s/saver/saved", "^t/saved"),
    ]
    assert inputs[merged.saver_def.restore_op_name] == ["^s/saver/restore_all", "^t/restore"]


def test_a_model_without_a_saver_takes_that_of_the_part(tmp_path: Path) -> None:
    merged, _ = Model(tmp_path / "model", "graph_def { versions { producer: 100 } }").absorb(
        _text("s/")
    )
    assert merged.saver_def.restore_op_name == "s/restore"
    assert _inputs(merged)["s/read"] == ["s/path:0", "s/keys", "s/keys"]


def test_a_part_without_a_saver_changes_nothing(tmp_path: Path) -> None:
    part = 'graph_def { node { name: "s/x" op: "NoOp" } versions { producer: 100 } }'
    merged, _ = Model(tmp_path / "model", _text()).absorb(part)
    assert merged.saver_def.restore_op_name == "restore"
    assert _inputs(merged)["saved"] == ["path", "^write"]


@pytest.mark.parametrize("own", [_text(), "graph_def { versions { producer: 100 } }"])
def test_nothing_restores_variables_that_the_init_op_of_a_part_sets(
    tmp_path: Path, own: str
) -> None:
    # The saver of the part restores the tracked objects only.
    part = _text("s/").replace("'w'", "'_CHECKPOINTABLE_OBJECT_GRAPH'")
    merged, _ = Model(tmp_path / "model", own).absorb(f"{part} {_VARIABLES}")
    assert merged.saver_def.restore_op_name == ("restore" if "saver_def" in own else "")
    assert "variables" not in merged.collection_def


def test_nothing_restores_variables_of_a_frozen_part_either(tmp_path: Path) -> None:
    # Such as the path of a vocabulary, which the init op sets; freezing took the saver away.
    part = """
        graph_def {
          node { name: "s/v" op: "VarHandleOp"
                 attr { key: "dtype" value { type: DT_STRING } }
                 attr { key: "shape" value { shape {} } }
                 attr { key: "shared_name" value { s: "s/v" } } }
          node { name: "s/path" op: "Const" }
          node { name: "s/set" op: "AssignVariableOp" input: "s/v" input: "s/path" }
          versions { producer: 100 }
        }
        collection_def {
          key: "saved_model_main_op" value { node_list { value: "s/set" } }
        }
        object_graph_def { nodes { user_object {} } }
    """
    merged, _ = Model(tmp_path / "model", _text()).absorb(part)
    assert merged.saver_def.restore_op_name == "restore"
    assert "variables" not in merged.collection_def


_PASSING = "passing Identity path"
_NO_SAVER = f"graph_def {{ versions {{ producer: 100 }} }} {_VARIABLES}"


@pytest.mark.parametrize(
    ("own", "others", "problem"),
    [
        (_text(version="V1"), _text("s/"), "its saver writes checkpoints of the first version"),
        (_text(), _text("s/", version="LEGACY"), "the saver of the other one writes checkpoints"),
        (_text(more=_PASSING), _text("s/"), "on, by the node 'passing'"),
        (_text(), _NO_SAVER, "one of them has variables and no saver"),
        (_NO_SAVER, _text("s/"), "one of them has variables and no saver"),
    ],
)
def test_savers_that_cannot_be_joined_are_refused(
    tmp_path: Path, own: str, others: str, problem: str
) -> None:
    with pytest.raises(PatchError, match=problem):
        Model(tmp_path / "model", own).absorb(others)
