from __future__ import annotations

from collections.abc import Mapping

import pytest

from sigpb import protos
from sigpb.checkpoint.objects import merged, restricted, values_of
from sigpb.errors import PatchError
from tests.checkpoint.checkpoints import Objects


def graph(*nodes: Mapping[str, int | str]) -> Objects:
    """A graph of nodes, given as the numbers of children and the keys of values, by their names."""
    objects = Objects()
    for each in nodes:
        node = objects.nodes.add()
        for name, value in each.items():
            if isinstance(value, int):
                node.children.add(node_id=value, local_name=name)
            else:
                node.attributes.add(name=name, checkpoint_key=value)
    return objects


def saved(objects: Objects) -> protos.SavedObjectGraph:
    """The object graph of a model that has all objects that are tracked."""
    nodes = (protos.SavedObject(children=node.children) for node in objects.nodes)
    return protos.SavedObjectGraph(nodes=nodes)


LAYER = graph({"layer": 1, "first": 2}, {"kernel": 2, "bias": 3}, {"v": "k"}, {"v": "b"})


def test_merged() -> None:
    other = graph({"table": 1}, {"keys": "t/keys", "values": "t/values"})
    assert merged(LAYER, other, "sigpb_lookup") == graph(
        {"layer": 1, "first": 2, "sigpb_lookup": 4},
        {"kernel": 2, "bias": 3},
        {"v": "k"},
        {"v": "b"},
        {"table": 5},
        {"keys": "t/keys", "values": "t/values"},
    )


def test_merged_slots_lead_to_the_same_variables() -> None:
    found = merged(LAYER, with_optimizer(), "other")
    (slot,) = found.nodes[5].slot_variables
    assert (slot.original_variable_node_id, slot.slot_variable_node_id) == (6, 7)


@pytest.mark.parametrize("has", [False, True])
def test_merged_root_says_whether_it_leads_to_values(has: bool) -> None:
    base, other = graph({}), graph({"v": "k"} if has else {})
    base.nodes[0].has_checkpoint_values.value = False
    assert merged(base, other, "other").nodes[0].has_checkpoint_values.value == has
    assert not merged(LAYER, other, "other").nodes[0].HasField("has_checkpoint_values")


def test_merged_under_a_name_that_is_taken() -> None:
    with pytest.raises(PatchError, match="a child 'layer' of the root already"):
        merged(LAYER, LAYER, "layer")


def test_restricted_to_values_and_what_leads_to_them() -> None:
    assert restricted(LAYER, {"b"}, saved(LAYER)) == graph({"layer": 1}, {"bias": 2}, {"v": "b"})
    assert restricted(LAYER, {"k"}, saved(LAYER)) == graph(
        {"layer": 1, "first": 2}, {"kernel": 2}, {"v": "k"}
    )
    assert restricted(LAYER, {"k", "b"}, saved(LAYER)) == LAYER
    assert restricted(LAYER, set(), saved(LAYER)) == graph({})


def test_restricted_to_some_values_of_an_object() -> None:
    table = graph({"table": 1}, {"keys": "keys", "values": "values"})
    assert restricted(table, {"keys"}, saved(table)) == graph({"table": 1}, {"keys": "keys"})


def test_restricted_to_an_object_whose_value_is_several_tensors() -> None:
    table = graph({"table": 1, "v": 2}, {"table": "t/table"}, {"v": "t"})
    wanted = {"t/table-keys", "t/table-values"}
    assert restricted(table, wanted, saved(table)).nodes[1] == table.nodes[1]
    for others in ({"t/", "t/tabl", "z"}, {"t/table/x", "t/table/y"}):
        assert restricted(table, others, saved(table)) == graph({})
    assert restricted(table, {"t/table/x", "t/table_x"}, saved(table)).nodes[1] == table.nodes[1]


def test_restricted_to_paths_that_the_model_has() -> None:
    model = saved(LAYER)
    del model.nodes[0].children[0]
    assert restricted(LAYER, {"k", "b"}, model) == graph({"first": 1}, {"v": "k"})


def test_restricted_for_a_model_that_has_no_objects() -> None:
    none = protos.SavedObjectGraph()
    assert restricted(LAYER, {"b"}, none) == graph({"layer": 1}, {"bias": 2}, {"v": "b"})


def test_restricted_follows_names_and_not_numbers() -> None:
    # The model has nodes that the checkpoint does not track.
    model = saved(graph({"signatures": 1, "layer": 2}, {}, {"bias": 3}, {}))
    assert restricted(LAYER, {"k", "b"}, model) == graph({"layer": 1}, {"bias": 2}, {"v": "b"})


def test_restricted_with_objects_that_lead_to_each_other() -> None:
    circle = graph({"a": 1}, {"b": 2, "root": 0}, {"a": 1, "v": 3}, {"v": "k"}, {"v": "other"})
    assert restricted(circle, {"k"}, saved(circle)) == graph(
        {"a": 1}, {"b": 2, "root": 0}, {"a": 1, "v": 3}, {"v": "k"}
    )


def test_restricted_says_what_leads_to_values() -> None:
    marked = Objects()
    marked.CopyFrom(LAYER)
    for node in marked.nodes:
        node.has_checkpoint_values.value = True
    found = restricted(marked, {"b"}, saved(marked))
    assert [node.has_checkpoint_values.value for node in found.nodes] == [True] * 3
    (root,) = restricted(marked, set(), saved(marked)).nodes
    assert (root.HasField("has_checkpoint_values"), root.has_checkpoint_values.value) == (
        True,
        False,
    )


def with_optimizer() -> Objects:
    """An optimizer with a slot variable, which nothing has as its child."""
    objects = graph({"optimizer": 1, "kernel": 2}, {}, {"v": "k"}, {"v": "k/m"})
    objects.nodes[1].slot_variables.add(
        original_variable_node_id=2, slot_name="m", slot_variable_node_id=3
    )
    return objects


def test_restricted_keeps_slot_variables_that_are_wanted() -> None:
    objects = with_optimizer()
    assert restricted(objects, {"k", "k/m"}, saved(objects)) == objects
    for keys in ({"k"}, {"k", "other"}):
        assert restricted(objects, keys, saved(objects)) == graph({"kernel": 1}, {"v": "k"})
    assert restricted(objects, {"k/m"}, saved(objects)) == graph({})
    model = saved(objects)
    del model.nodes[0].children[1]  # the variable itself
    assert restricted(objects, {"k", "k/m"}, model) == graph({})


def test_restricted_where_a_saver_has_the_values() -> None:
    objects = graph({"table": 1}, {})
    objects.nodes[1].registered_saver.name = "Custom.Saver"
    objects.nodes[1].registered_saver.object_name = "table"
    with pytest.raises(
        PatchError, match=r"'table' is saved by the registered saver 'Custom\.Saver'"
    ):
        restricted(objects, set(), saved(objects))
    assert restricted(objects, set(), saved(graph({}))) == graph({})


def test_values_of_tracked_objects() -> None:
    objects = graph({"w": 1, "table": 2}, {"v": "w/a"}, {"t": "table/a"})
    keys = {"w/a", "table/a-keys", "table/a-values", "table/a/b", "table/b", "other/a", "a"}
    assert values_of(objects, keys) == {"w/a", "table/a-keys", "table/a-values"}
    assert values_of(graph({}), keys) == set()
