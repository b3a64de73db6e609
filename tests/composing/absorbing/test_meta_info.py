"""The ops and aliases of functions that a MetaGraph lists, with those of a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from tests.composing.absorbed_models import Model

_NODE = 'node { name: "x" op: "NoOp" } versions { producer: 100 }'


def _info(tmp_path: Path, own: str, others: str, nodes: str) -> protos.MetaGraphDef.MetaInfoDef:
    before = f"meta_info_def {{ {own} }} graph_def {{ {_NODE} }}"
    part = f"meta_info_def {{ {others} }} graph_def {{ {nodes} versions {{ producer: 100 }} }}"
    return Model(tmp_path / "model", before).absorb(part)[0].meta_info_def


def test_each_op_is_listed_once_in_order_also_those_of_functions(tmp_path: Path) -> None:
    own = 'stripped_op_list { op { name: "NoOp" } op { name: "Own" summary: "a" } }'
    others = 'stripped_op_list { op { name: "Custom" } op { name: "NoOp" } op { name: "Own" } }'
    inside = 'library { function { signature { name: "f" } node_def { name: "a" op: "Custom" } } }'
    info = _info(tmp_path, own, others, f'node {{ name: "s/x" op: "Identity" }} {inside}')
    names = [op_def.name for op_def in info.stripped_op_list.op]
    assert names == ["Custom", "Identity", "NoOp", "Own"]


def test_a_definition_with_more_attributes_takes_the_place_of_one_with_fewer(
    tmp_path: Path,
) -> None:
    own = 'stripped_op_list { op { name: "Cast" attr { name: "SrcT" } } op { name: "NoOp" } }'
    others = 'stripped_op_list { op { name: "Cast" attr { name: "SrcT" } attr { name: "New" } } }'
    info = _info(tmp_path, own, others, 'node { name: "s/x" op: "Cast" }')
    attributes = {each.name: [a.name for a in each.attr] for each in info.stripped_op_list.op}
    assert attributes == {"Cast": ["SrcT", "New"], "NoOp": []}


def test_an_op_that_is_not_tensorflows_has_one_definition(tmp_path: Path) -> None:
    own = 'stripped_op_list { op { name: "Own" output_arg { name: "y" type: DT_FLOAT } } }'
    others = 'stripped_op_list { op { name: "Own" output_arg { name: "y" type: DT_INT32 } } }'
    with pytest.raises(PatchError, match="it defines the op 'Own' in another way"):
        _info(tmp_path, own, others, 'node { name: "s/x" op: "Own" }')


@pytest.mark.parametrize(("others", "expected"), [("true", True), ("false", False)])
def test_default_attributes_are_stripped_if_both_say_so(
    tmp_path: Path, others: str, expected: bool
) -> None:
    node = 'node { name: "s/x" op: "NoOp" }'
    stripped = f"stripped_default_attrs: {others}"
    info = _info(tmp_path, "stripped_default_attrs: true", stripped, node)
    assert info.stripped_default_attrs == expected


def test_aliases_of_functions_come_along(tmp_path: Path) -> None:
    own, others = (
        f'function_aliases {{ key: "{key}" value: "{key}_alias" }}' for key in ("f_1", "g_2")
    )
    info = _info(tmp_path, own, others, 'node { name: "s/x" op: "NoOp" }')
    assert dict(info.function_aliases) == {"f_1": "f_1_alias", "g_2": "g_2_alias"}
