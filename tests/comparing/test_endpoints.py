"""How inputs and outputs are recognised."""

from __future__ import annotations

from pathlib import Path

from sigpb import protos
from sigpb.comparing.report import endpoint_text
from sigpb.comparing.signature_difference import EndpointChange, SignatureDifference
from tests.comparing.patched import difference, only_graph, only_signature, patched
from tests.patches import ModelFactory, altered


def keys(change: SignatureDifference, side: str) -> dict[str, str | None]:
    """New keys by old ones, of the endpoints that were there before."""
    return {
        end.before.key: end.after.key if end.after else None
        for end in change.endpoints
        if end.side == side and end.before
    }


def evidence(change: SignatureDifference) -> set[str | None]:
    return {end.evidence for end in change.endpoints}


def the_change(change: SignatureDifference) -> EndpointChange:
    (end,) = change.changed_endpoints
    return end


def exported_again(meta_graph: protos.MetaGraphDef) -> None:
    """Gives all nodes and functions other names, as another export may have."""
    graph = meta_graph.graph_def
    names = {node.name: f"again/{node.name}" for node in graph.node}

    def renamed(tensor: str) -> str:
        control, name = tensor[: tensor.startswith("^")], tensor.removeprefix("^")
        node, colon, output = name.partition(":")
        return f"{control}{names.get(node, node)}{colon}{output}"

    for node in graph.node:
        node.name = names[node.name]
        node.input[:] = [renamed(tensor) for tensor in node.input]
        if "f" in node.attr:
            node.attr["f"].func.name += "0"
    for function in graph.library.function:
        function.signature.name += "0"
        for node in function.node_def:
            if "f" in node.attr:
                node.attr["f"].func.name += "0"
    for signature in meta_graph.signature_def.values():
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            info.name = renamed(info.name)
    functions = meta_graph.object_graph_def.concrete_functions
    for name in list(functions):
        functions[name + "0"].CopyFrom(functions[name])
        del functions[name]
    for saved_object in meta_graph.object_graph_def.nodes:
        if saved_object.HasField("bare_concrete_function"):
            saved_object.bare_concrete_function.concrete_function_name += "0"


class TestByTensor:
    def test_swapped_keys_are_two_renames(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        after = patched(
            model,
            """signature { key: "serving_default"
              output { key: "p" rename_to: "s" } output { key: "s" rename_to: "p" }
              input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" } }""",
        )

        change = only_signature(model, after)

        assert keys(change, "output") == {"p": "s", "s": "p"}
        assert keys(change, "input") == {"x": "b", "b": "x"}
        assert evidence(change) == {"tensor"}

    def test_converted_and_renamed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        after = patched(
            model,
            """signature { key: "serving_default"
              input { key: "x" rename_to: "image" dtype: "uint8" shape: "[?,3,1]" } }""",
        )

        end = the_change(only_signature(model, after))

        assert end.renamed
        assert end.retyped
        assert end.before is not None
        assert end.after is not None
        assert (end.before.key, end.before.shape) == ("x", (None, 3))
        assert (end.after.key, end.after.shape) == ("image", (None, 3, 1))

    def test_patched_twice(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        once = patched(
            model,
            """signature { key: "serving_default"
              input { key: "x" rename_to: "a" dtype: "uint8" }
              output { key: "sum" dtype: "int64" } }""",
        )
        twice = patched(
            once,
            """signature { key: "serving_default"
              input { key: "a" rename_to: "b" dtype: "int32" }
              output { key: "sum" rename_to: "total" dtype: "string" } }""",
        )

        for before, old in ((model, "x"), (once, "a")):
            change = only_signature(before, twice)
            assert keys(change, "input")[old] == "b"
            assert keys(change, "output")["sum"] == "total"
            assert evidence(change) == {"tensor"}
        # And the other way round.
        assert keys(only_signature(twice, model), "input")["b"] == "x"

    def test_patched_twice_in_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        patch = """signature { key: "serving_default"
          input { key: "x" rename_to: "b" dtype: "%s" } input { key: "b" rename_to: "x" }
          output { key: "p" dtype: "%s" } }"""
        twice = patched(patched(model, patch % ("uint8", "int64")), patch % ("float64", "string"))

        change = only_signature(model, twice)

        assert keys(change, "input") == {"x": "x", "b": "b"}
        assert evidence(change) == {"tensor"}

    def test_bound_to_a_constant(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        bound = 'signature { key: "serving_default" input { key: "training" bind: "true" } }'

        end = the_change(only_signature(model, patched(model, bound)))

        assert end.after is None
        assert end.bound == "true"

    def test_added_from_a_function(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        added = """signature { key: "serving_default"
          output { key: "pooled" from_tensor: "pool/Mean:0" dtype: "float64" } }"""

        end = the_change(only_signature(model, patched(model, added)))

        assert end.before is None
        assert end.tensor == "pool/Mean:0"

    def test_key_that_stands_for_another_tensor(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")

        def rewire(meta_graph: protos.MetaGraphDef) -> None:
            signature = meta_graph.signature_def["serving_default"]
            signature.outputs["sum"].name = signature.outputs["difference"].name
            del signature.outputs["difference"]

        change = only_signature(model, altered(fixture_model("tf1_shared"), rewire))

        # It is the other output that has its key now.
        assert keys(change, "output") == {"difference": "sum", "sum": None}


class TestOfAnotherExport:
    def test_by_key(self, fixture_model: ModelFactory) -> None:
        again = altered(fixture_model("tf2_linear"), exported_again)

        found = only_graph(fixture_model("tf2_linear"), again)

        assert found.changed_signatures == ()
        assert {e for change in found.signatures for e in evidence(change)} == {"key"}
        assert found.graph.recomputes

    def test_renamed_on_the_way(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        after = patched(
            model,
            """signature { key: "serving_default" input { key: "x" rename_to: "image" }
              output { key: "label" rename_to: "class" } }""",
        )

        change = only_signature(model, altered(after, exported_again))

        assert keys(change, "input") == {"x": "image", "training": "training"}
        assert keys(change, "output")["label"] == "class"

    def test_ambiguous(self, fixture_model: ModelFactory) -> None:
        """Two of one type with new keys: nothing says which is which."""
        model = fixture_model("tf2_linear")
        after = patched(
            model,
            """signature { key: "serving_default" output { key: "p" rename_to: "q" }
              output { key: "s" rename_to: "t" } }""",
        )

        change = only_signature(model, altered(after, exported_again))

        assert keys(change, "output") == {"p": None, "s": None}

    def test_same_node_names_but_outputs_in_another_order(
        self, fixture_model: ModelFactory
    ) -> None:
        """TensorFlow numbers the results of a call by the sorted keys: names prove nothing."""
        model = fixture_model("tf2_linear")

        def rename_in_python(meta_graph: protos.MetaGraphDef) -> None:
            signature = meta_graph.signature_def["serving_default"]
            signature.outputs["z"].CopyFrom(signature.outputs["s"])  # was p, the first
            signature.outputs["s"].name = signature.outputs["p"].name
            del signature.outputs["p"]
            name = {
                node.name: node.attr["f"].func.name
                for node in meta_graph.graph_def.node
                if node.name == signature.outputs["s"].name.partition(":")[0]
            }
            for function in meta_graph.graph_def.library.function:
                if function.signature.name in name.values():
                    first, second = (each.name for each in function.signature.output_arg)
                    swapped = function.ret[second], function.ret[first]
                    function.ret[first], function.ret[second] = swapped

        change = next(
            each
            for each in only_graph(
                model, altered(fixture_model("tf2_linear"), rename_in_python)
            ).signatures
            if each.before == "serving_default"
        )

        assert keys(change, "output") == {"p": "z", "s": "s"}

    def test_placeholders_are_named_after_keys(self, fixture_model: ModelFactory) -> None:
        """In another export, the placeholder of an old name may be that of another input."""
        model = fixture_model("tf2_linear")
        swapped = patched(
            model,
            """signature { key: "serving_default" input { key: "x" rename_to: "b" }
              input { key: "b" rename_to: "x" } }""",
        )

        def export(meta_graph: protos.MetaGraphDef) -> None:
            signature = meta_graph.signature_def["serving_default"]
            exported_again(meta_graph)
            for node in meta_graph.graph_def.node:
                if node.op == "Placeholder":
                    node.name = node.name.removeprefix("again/")
            for key, info in signature.inputs.items():
                info.name = f"serving_default_{key}:0"

        found = only_graph(swapped, altered(patched(swapped, ""), export))

        assert found.changed_signatures == ()


def test_tf1_and_tf2(fixture_model: ModelFactory) -> None:
    found = difference(fixture_model("tf1_shared"), fixture_model("tf2_linear"))

    assert not found.is_same


def test_text_and_binary(fixture_model: ModelFactory) -> None:
    same: list[Path] = [fixture_model("tf2_many"), fixture_model("tf2_many", as_text=True)]

    assert difference(*same).is_same
    assert difference(*reversed(same)).is_same


def test_values_that_are_lost_on_the_way_are_a_change(fixture_model: ModelFactory) -> None:
    """The second model says of `x` what the first says, but its values pass int32."""
    model = fixture_model("tf2_linear")
    after = model
    for dtype in ("int32", "float32"):
        after = patched(
            after, f'signature {{ key: "serving_default" input {{ key: "x" dtype: "{dtype}" }} }}'
        )

    (change,) = only_signature(model, after).changed_endpoints

    assert not change.retyped
    assert endpoint_text(change) == "input 'x': by way of int32, which loses values"
