"""The collections of a part behind those of a MetaGraph."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import PatchError
from tests.composing.absorbed_models import Model

_EVAL = 'meta_info_def { tags: "eval" }'


def _text(**collections: str) -> str:
    listed = " ".join(
        f'collection_def {{ key: "{key}" value {{ {value} }} }}'
        for key, value in collections.items()
    )
    return f"graph_def {{ versions {{ producer: 100 }} }} {listed}"


def _nodes(*names: str) -> str:
    return f"node_list {{ {' '.join(f'value: {name!r}' for name in names)} }}"


def test_elements_are_appended(tmp_path: Path) -> None:
    before = _text(losses=_nodes("a", "b"), variables='bytes_list { value: "v" }')
    part = _text(
        losses=_nodes("s/a"), summaries=_nodes("s/b"), variables='bytes_list { value: "w" }'
    )
    merged, _ = Model(tmp_path / "model", before).absorb(part)
    collections = merged.collection_def
    assert list(collections["losses"].node_list.value) == ["a", "b", "s/a"]
    assert list(collections["summaries"].node_list.value) == ["s/b"]
    assert list(collections["variables"].bytes_list.value) == [b"v", b"w"]


def test_what_a_model_has_one_of_is_that_of_the_model(tmp_path: Path) -> None:
    part = _text(global_step=_nodes("s/g"), saved_model_train_op=_nodes("s/t"))
    merged, _ = Model(tmp_path / "model", _text(global_step=_nodes("g"))).absorb(part)
    assert list(merged.collection_def["global_step"].node_list.value) == ["g"]
    assert "saved_model_train_op" not in merged.collection_def


@pytest.mark.parametrize(
    ("name", "others", "problem"),
    [
        ("losses", 'bytes_list { value: "a" }', "'losses' is a node_list, and the other one is a"),
        ("evaluation_only/key", _nodes("s/a"), "TensorFlow Model Analysis takes for that of one"),
    ],
)
def test_collections_that_do_not_go_together_are_refused(
    tmp_path: Path, name: str, others: str, problem: str
) -> None:
    model = Model(tmp_path / "model", f"{_EVAL} {_text(**{name: _nodes('a')})}")
    with pytest.raises(PatchError, match=problem):
        model.absorb(_text(**{name: others}))


def test_what_no_one_evaluates_stays_that_of_the_model(tmp_path: Path) -> None:
    name = "evaluation_only/key"
    merged, _ = Model(tmp_path / "model", _text(**{name: _nodes("a")})).absorb(
        _text(**{name: _nodes("s/a")})
    )
    assert list(merged.collection_def[name].node_list.value) == ["a"]
