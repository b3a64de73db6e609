"""Tag-sets, graphs, bytes and files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.comparing.compare import compare_models
from sigpb.comparing.difference import SectionDifference
from sigpb.graphs import redirection
from tests.cli.command_line import run
from tests.comparing.patched import difference, only_graph, patched
from tests.patches import MAIN, ModelFactory, altered, contents


class TestTagSets:
    def test_changed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        after = patched(model, 'tags { tag: "serve" } set_tags { tag: "train" }')

        found = difference(model, after)

        tags = [(graph.tags_before, graph.tags_after) for graph in found.meta_graphs]
        assert sorted(tags) == [
            (("gpu", "serve"), ("gpu", "serve")),
            (("serve",), ("train",)),
        ]
        assert found.removed == found.added == ()

    def test_removed_and_added(self, fixture_model: ModelFactory) -> None:
        model, one = fixture_model("tf1_two_graphs"), fixture_model("tf1_two_graphs")
        saved_model = protos.SavedModel.FromString((one / MAIN).read_bytes())
        gone = tuple(sorted(saved_model.meta_graphs[1].meta_info_def.tags))
        del saved_model.meta_graphs[1]
        (one / MAIN).write_bytes(saved_model.SerializeToString())

        assert difference(model, one).removed == (gone,)
        assert difference(one, model).added == (gone,)
        assert not difference(model, one).is_same

    def test_twice_in_one_model(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        saved_model = protos.SavedModel.FromString((model / MAIN).read_bytes())
        for graph in saved_model.meta_graphs:
            graph.meta_info_def.tags[:] = ["serve"]
        (model / MAIN).write_bytes(saved_model.SerializeToString())

        assert difference(model, model).is_same

        last = saved_model.meta_graphs.pop()
        (model / "one").mkdir()
        (model / "one" / MAIN).write_bytes(saved_model.SerializeToString())
        assert difference(model, model / "one").removed == (("serve",),)
        assert difference(model / "one", model).added == (tuple(last.meta_info_def.tags),)

    def test_selected(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        after = patched(
            model,
            'tags { tag: "serve" } signature { key: "serving_default" method_name: "m" }',
        )
        with sigpb.open(model) as first, sigpb.open(after) as second:
            assert not compare_models(first, second, ("serve",)).is_same
            assert compare_models(first, second, ("gpu", "serve")).is_same
            with pytest.raises(sigpb.PatchError, match=r"there are \{gpu, serve\}, \{serve\}"):
                compare_models(first, second, ("train",))


class TestGraph:
    def test_constant(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            node = next(node for node in graph.graph_def.node if node.op == "Const")
            node.attr["value"].tensor.version_number += 1
            node.attr["note"].i = 3

        model = fixture_model("tf1_fixed_batch")
        after = altered(fixture_model("tf1_fixed_batch"), change)

        found = only_graph(model, after)

        (constant,) = found.graph.constants
        assert (constant.name,) == found.graph.nodes.changed
        assert constant.before != constant.after
        assert found.graph.recomputes
        assert found.changed_signatures == ()

    def test_a_node_that_becomes_a_constant_has_no_other_value(
        self, fixture_model: ModelFactory
    ) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            node = next(node for node in graph.graph_def.node if node.op == "Const")
            node.op = "Placeholder"
            del node.attr["value"]

        constant, no_constant = (fixture_model("tf1_fixed_batch") for _ in range(2))
        altered(no_constant, change)

        for models in ((constant, no_constant), (no_constant, constant)):
            found = only_graph(*models).graph
            assert len(found.nodes.changed) == 1
            assert found.constants == ()

    def test_nodes_and_functions(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            del graph.graph_def.node[0]
            graph.graph_def.node.add(name="new", op="NoOp")
            graph.graph_def.library.function[0].node_def.add(name="new", op="NoOp")
            graph.graph_def.library.function.add().signature.name = "f"

        model = fixture_model("tf2_linear")
        found = only_graph(model, altered(fixture_model("tf2_linear"), change)).graph

        assert found.nodes.added == ("new",)
        assert len(found.nodes.removed) == len(found.functions.changed) == 1
        assert found.functions.added == ("f",)
        assert found.functions.removed == ()

    def test_order_is_no_difference(self, fixture_model: ModelFactory) -> None:
        def reverse(graph: protos.MetaGraphDef) -> None:
            nodes = list(graph.graph_def.node)
            del graph.graph_def.node[:]
            graph.graph_def.node.extend(reversed(nodes))

        assert difference(
            fixture_model("tf2_linear"), altered(fixture_model("tf2_linear"), reverse)
        ).is_same

    def test_placeholder_with_steps_in_front_is_not_another(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)  # Then none of them is copied.
        model = fixture_model("tf1_fixed_batch")
        after = patched(
            model, 'signature { key: "serving_default" input { key: "x" dtype: "int32" } }'
        )

        found = only_graph(model, after).graph

        assert found.nodes.changed == found.spliced == ("x",)
        assert not found.recomputes


class TestSections:
    def test_of_a_rename(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        after = patched(
            model, 'signature { key: "serving_default" input { key: "x" rename_to: "c" } }'
        )

        sections = {each.name: each for each in only_graph(model, after).sections}

        changed = {name for name, each in sections.items() if each.added or each.removed}
        assert changed == {
            "signature_def",
            "object_graph_def.nodes",
            "object_graph_def.concrete_functions",
        }
        data = (after / MAIN).read_bytes()
        (span,) = sections["signature_def"].ranges
        assert b"serving_default" in data[slice(*span)]
        assert sections["graph_def.node"] == SectionDifference(
            "graph_def.node",
            sections["graph_def.node"].before,
            sections["graph_def.node"].before,
            0,
            0,
            (),
        )

    def test_add_up(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        after = patched(
            model, 'signature { key: "serving_default" input { key: "x" dtype: "uint8" } }'
        )

        sections = only_graph(model, after).sections

        for each in sections:
            assert each.after - each.before == each.added - each.removed
            assert sum(end - start for start, end in each.ranges) == each.added
        size = (after / MAIN).stat().st_size
        assert size - 100 < sum(each.after for each in sections) < size


class TestFiles:
    def test_variables(self, fixture_model: ModelFactory) -> None:
        model, after = fixture_model("tf2_linear"), fixture_model("tf2_linear")
        (data,) = (after / "variables").glob("*.data-*")
        data.write_bytes(data.read_bytes()[:-1] + b"\7")

        found = difference(model, after)

        (file,) = found.files.files
        assert file.path == f"variables/{data.name}"
        assert file.counts
        assert not found.is_same

    def test_assets(self, fixture_model: ModelFactory) -> None:
        model, after = fixture_model("tf2_many"), fixture_model("tf2_many")
        (asset,) = (after / "assets").iterdir()
        asset.unlink()
        (after / "assets" / "new").write_text("x")

        files = {file.path: file for file in difference(model, after).files.files}

        assert files[f"assets/{asset.name}"].after is None
        assert files["assets/new"].before is None

    def test_those_that_no_loader_acts_on(self, fixture_model: ModelFactory) -> None:
        model, after = fixture_model("tf2_linear"), fixture_model("tf2_linear")
        (after / "fingerprint.pb").unlink()
        (after / ".sigpb-backup-0001").mkdir()
        (after / ".sigpb-backup-0001" / MAIN).write_bytes(b"x")

        found = difference(model, after)

        assert found.is_same
        assert [file.path for file in found.files.files] == ["fingerprint.pb"]

    def test_nothing_is_written(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_many")
        before = contents(model)

        assert difference(model, model).is_same

        assert contents(model) == before


def test_a_large_model_is_not_parsed(tmp_path: Path) -> None:
    size = 1 << 26
    for name, last in (("a", b"1"), ("b", b"2")):
        saved_model = protos.SavedModel()
        graph = saved_model.meta_graphs.add().graph_def
        for number in range(2):
            node = graph.node.add(name=f"constant{number}", op="Const")
            node.attr["value"].tensor.tensor_content = bytes(size // 2 - 1) + last
        (tmp_path / name).mkdir()
        (tmp_path / name / MAIN).write_bytes(saved_model.SerializeToString())

    tracemalloc.start()
    found = only_graph(tmp_path / "a", tmp_path / "b")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [each.name for each in found.graph.constants] == ["constant0", "constant1"]
    assert peak < size / 8


@pytest.mark.parametrize(
    ("command", "text"), [("diff", b"2.21.0"), ("diff", b"PartitionedCall:0"), ("infer", b"Call:0")]
)
def test_the_damaged_one_of_two_models_is_named(
    fixture_model: ModelFactory, command: str, text: bytes
) -> None:
    sound, damaged = fixture_model("tf2_linear"), fixture_model("tf2_linear")
    content = (damaged / MAIN).read_bytes()
    assert text in content
    (damaged / MAIN).write_bytes(content.replace(text, b"\xff" + text[1:]))  # This is no UTF-8.

    for pair in ((sound, damaged), (damaged, sound)):
        said = run(command, *pair)
        assert (said.code, said.out) == (3, "")
        assert str(damaged) in said.err
        assert str(sound) not in said.err
