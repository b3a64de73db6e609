from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite import object_graph
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.saved_model.model import open_model
from sigpb.wire import Edits, length_delimited
from tests.parts import changed_parts
from tests.patches import MAIN, ModelFactory, altered, apply, only_graph, refusal
from tests.views import WRAPPER_PREFIX, object_graph_view, outline, relabelled, signature_map

from .drafts import draft_of, meta_graph_bytes

LINEAR = "__inference_signature_wrapper_linear_37"
FIRST = "__inference_signature_wrapper_first_29"


def renaming(key: str, **renames: str) -> str:
    """A patch of inputs `x` and `b` and outputs `p` and `s`, as all fixtures here have them."""
    side = {"x": "input", "b": "input", "p": "output", "s": "output"}
    endpoints = (
        f'{side[old]} {{ key: "{old}" rename_to: "{new}" }}' for old, new in renames.items()
    )
    return f'signature {{ key: "{key}" {" ".join(endpoints)} }}'


def wrappers(graph: protos.MetaGraphDef) -> list[str]:
    functions = graph.graph_def.library.function
    return [f.signature.name for f in functions if f.signature.name.startswith(WRAPPER_PREFIX)]


class TestOrderIsKept:
    def test_names_change_and_nothing_else(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        after = apply(model, renaming("serving_default", x="y", b="c", p="o", s="q"))
        assert outline(after)["serving_default"] == "c, y -> o, q"
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "signature_def[serving_default]",
            "object_graph_def.nodes[4]",
            f"object_graph_def.concrete_functions[{LINEAR}]",
        }

    def test_there_and_back_gives_the_same_bytes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        apply(model, renaming("serving_default", x="y", p="o"))
        apply(
            model,
            """
            signature {
                key: "serving_default"
                input { key: "y" rename_to: "x" }
                output { key: "o" rename_to: "p" }
            }
            """,
        )
        assert (model / MAIN).read_bytes() == before


class TestOrderChanges:
    def test_one_function_is_added_and_none_changed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        after = apply(model, renaming("serving_default", x="a", p="z"))
        wrapper = f"{WRAPPER_PREFIX}138"
        assert wrappers(after) == [wrapper]
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "signature_def[serving_default]",
            "graph_def.library.function[8]",
            "object_graph_def.nodes[4]",
            f"object_graph_def.concrete_functions[{wrapper}]",
        }
        assert object_graph_view(after)["serving_default"] == (
            {"a": (LINEAR, (1,)), "b": (LINEAR, (0,))},
            {"s": (LINEAR, (1,)), "z": (LINEAR, (0,))},
        )

    def test_numbers_of_functions_are_unique(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        patch = renaming("serving_default", x="a") + (
            'signature { key: "other" output { key: "q" rename_to: "z" } }'
        )
        names = [f.signature.name for f in apply(model, patch).graph_def.library.function]
        numbers = [int(name.rpartition("_")[2]) for name in names]
        assert len(set(numbers)) == len(names) == 10

    def test_captured_inputs_stay_last(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_many")
        after = apply(
            model,
            """
            signature {
                key: "serving_default"
                input { key: "a" rename_to: "d" }
                input { key: "d" rename_to: "a" }
            }
            """,
        )
        functions = {f.signature.name: f.signature for f in after.graph_def.library.function}
        (wrapper,) = wrappers(after)
        inner = functions["__inference_signature_wrapper_mix_75"]
        assert [argument.name for argument in inner.input_arg] == [
            *("a", "b", "c", "d"),
            *("unknown", "unknown_0", "unknown_1"),
        ]
        assert [argument.name for argument in functions[wrapper].input_arg] == [
            *("a", "b", "c", "d"),
            *("unknown", "unknown_0", "unknown_1"),
        ]
        functions_before = only_graph(fixture_model("tf2_many")).object_graph_def.concrete_functions
        functions_after = after.object_graph_def.concrete_functions
        assert functions_after[wrapper].bound_inputs == functions_before[inner.name].bound_inputs

    def test_there_and_back_gives_the_same_bytes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        apply(model, renaming("serving_default", x="a", p="z"))
        apply(
            model,
            """
            signature {
                key: "serving_default"
                input { key: "a" rename_to: "x" }
                output { key: "z" rename_to: "p" }
            }
            """,
        )
        assert (model / MAIN).read_bytes() == before

    def test_there_and_back_under_other_names_needs_no_wrapper(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_linear")
        apply(model, renaming("serving_default", x="a"))
        after = apply(
            model, 'signature { key: "serving_default" input { key: "a" rename_to: "c" } }'
        )
        assert wrappers(after) == []
        assert object_graph_view(after)["serving_default"][0] == {
            "b": (LINEAR, (0,)),
            "c": (LINEAR, (1,)),
        }

    def test_a_wrapper_is_replaced_and_not_wrapped(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_many")
        expected = object_graph_view(only_graph(model))
        for renames in ("a:c b:d c:b d:a", "a:d d:a", "c:0", "b:z a:b", "z:a 0:z", "a:k"):
            inputs = "".join(
                f'input {{ key: "{old}" rename_to: "{new}" }}'
                for old, new in (pair.split(":") for pair in renames.split())
            )
            patch = f'signature {{ key: "serving_default" {inputs} }}'
            expected = relabelled(expected, parse_text(patch))
            after = apply(model, patch)
            assert object_graph_view(after) == expected, renames  # Sees no wrapper of a wrapper.
            assert len(wrappers(after)) <= 1
            assert set(after.object_graph_def.concrete_functions) >= set(wrappers(after))

    def test_a_wrapper_that_another_signature_uses_stays(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, renaming("serving_default", x="a"))
        apply(model, 'signature { key: "copy" copy_of: "serving_default" }')
        after = apply(model, 'signature { key: "copy" input { key: "a" rename_to: "x" } }')
        assert outline(after)["copy"] == "b, x -> p, s"
        assert outline(after)["serving_default"] == "a, b -> p, s"
        assert wrappers(after) == [f"{WRAPPER_PREFIX}138"]


class TestWrappersOfSigpb010:
    """Those of the model `tf2_wrapped`: one that orders, and one that converts."""

    ORDERING = "__inference_sigpb_signature_wrapper_138"
    CONVERTING = "__inference_sigpb_signature_wrapper_139"

    def test_one_that_orders_is_replaced(self, fixture_model: ModelFactory) -> None:
        patch = """signature { key: "serving_default" input { key: "y" rename_to: "e" }
                                                      output { key: "z" rename_to: "Z" } }"""
        after = apply(fixture_model("tf2_wrapped"), patch)
        names = {f.signature.name for f in after.graph_def.library.function}
        assert self.ORDERING not in {*names, *after.object_graph_def.concrete_functions}
        (name,) = wrappers(after)
        wrapper = next(f for f in after.graph_def.library.function if f.signature.name == name)
        call, *results = wrapper.node_def
        assert (call.attr["f"].func.name, list(call.input)[:2]) == (LINEAR, ["e", "c"])
        assert [(node.name, *node.input) for node in results] == [
            ("z", "call:output:0"),
            ("a", "call:output:1"),
        ]

    def test_one_that_orders_is_given_up(self, fixture_model: ModelFactory) -> None:
        patch = """signature { key: "serving_default"
            input { key: "y" rename_to: "b" } input { key: "c" rename_to: "x" }
            output { key: "z" rename_to: "p" } output { key: "a" rename_to: "s" } }"""
        after = apply(fixture_model("tf2_wrapped"), patch)
        before = only_graph(fixture_model("tf2_linear"))
        assert self.ORDERING not in {f.signature.name for f in after.graph_def.library.function}
        functions = after.object_graph_def.concrete_functions
        assert {*functions} == {*before.object_graph_def.concrete_functions, self.CONVERTING}
        assert functions[LINEAR] == before.object_graph_def.concrete_functions[LINEAR]
        assert after.object_graph_def.nodes[4] == before.object_graph_def.nodes[4]
        key = "serving_default"
        assert after.signature_def[key] == before.signature_def[key]

    def test_one_that_converts_is_wrapped(self, fixture_model: ModelFactory) -> None:
        patch = 'signature { key: "other" input { key: "x" rename_to: "z" } }'
        after = apply(fixture_model("tf2_wrapped"), patch)
        functions = {f.signature.name: f for f in after.graph_def.library.function}
        (wrapper,) = wrappers(after)
        assert functions[wrapper].node_def[0].attr["f"].func.name == self.CONVERTING
        assert [argument.name for argument in functions[wrapper].signature.input_arg][:2] == [
            *("y", "z"),
        ]


class TestShared:
    def test_a_shared_node_is_copied(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_shared")
        before = (model / MAIN).read_bytes()
        after = apply(model, renaming("alias", x="a"))
        assert outline(after) == {
            "serving_default": "b, x -> p, s",
            "alias": "a, b -> p, s",
            "twin": "b, x -> p, s",
        }
        children = {child.local_name: child.node_id for child in signature_map(after).children}
        count = len(after.object_graph_def.nodes)
        assert children == {"serving_default": 3, "twin": 4, "alias": count - 1}
        wrapper = f"{WRAPPER_PREFIX}102"
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "signature_def[alias]",
            "graph_def.library.function[5]",
            "object_graph_def.nodes[2]",
            f"object_graph_def.nodes[{count - 1}]",
            f"object_graph_def.concrete_functions[{wrapper}]",
        }

    def test_a_shared_function_is_wrapped_even_if_the_order_is_kept(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_shared")
        before = (model / MAIN).read_bytes()
        after = apply(model, renaming("twin", x="y"))
        wrapper = f"{WRAPPER_PREFIX}102"
        assert wrappers(after) == [wrapper]
        assert object_graph_view(after)["twin"][0] == {"b": (FIRST, (0,)), "y": (FIRST, (1,))}
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "signature_def[twin]",
            "graph_def.library.function[5]",
            "object_graph_def.nodes[4]",
            f"object_graph_def.concrete_functions[{wrapper}]",
        }

    def test_a_function_that_a_method_uses_too_is_wrapped(
        self, fixture_model: ModelFactory
    ) -> None:
        def use(graph: protos.MetaGraphDef) -> None:
            method = graph.object_graph_def.nodes.add().function
            method.concrete_functions.append(LINEAR)

        model = altered(fixture_model("tf2_linear"), use)
        before = only_graph(model).object_graph_def.concrete_functions[LINEAR]
        after = apply(model, renaming("serving_default", x="y"))
        assert outline(after)["serving_default"] == "b, y -> p, s"
        assert after.object_graph_def.concrete_functions[LINEAR] == before

    def test_all_that_share_a_function_change(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_shared")
        before = object_graph_view(only_graph(model))
        patch = (
            renaming("serving_default", x="a", p="z")
            + renaming("alias", x="b", b="x")
            + renaming("twin", s="c")
        )
        after = apply(model, patch)
        assert object_graph_view(after) == relabelled(before, parse_text(patch))
        assert len(wrappers(after)) == 3

    def test_a_node_whose_other_name_goes_is_not_copied(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_shared")
        count = len(only_graph(model).object_graph_def.nodes)
        after = apply(
            model, 'signature { key: "serving_default" drop: true }' + renaming("alias", x="y")
        )
        assert len(after.object_graph_def.nodes) == count


class TestOtherFiles:
    def test_references_keep_what_this_version_does_not_know(
        self, fixture_model: ModelFactory
    ) -> None:
        unknown = length_delimited(1000, b"from the future")

        def extend(graph: protos.MetaGraphDef) -> None:
            signature_map(graph).children[0].MergeFromString(unknown)

        model = altered(fixture_model("tf2_linear"), extend)
        after = apply(model, 'signature { key: "serving_default" rename_to: "predict" }')
        assert signature_map(after).children[0].SerializeToString().endswith(unknown)

    def test_without_a_function_spec(self, fixture_model: ModelFactory) -> None:
        def forget(graph: protos.MetaGraphDef) -> None:
            for node in graph.object_graph_def.nodes:
                if node.HasField("bare_concrete_function"):
                    node.bare_concrete_function.ClearField("function_spec")

        model = altered(fixture_model("tf2_linear"), forget)
        after = apply(model, renaming("serving_default", x="a", p="z"))
        assert outline(after)["serving_default"] == "a, b -> s, z"
        for node in after.object_graph_def.nodes:
            assert not node.bare_concrete_function.HasField("function_spec")


class TestContradictions:
    """What two loaders disagree on already cannot be changed for both."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda graph: signature_map(graph).children.pop(0),
                "signature_def has signature 'serving_default', but the object graph does not.",
            ),
            (
                lambda graph: graph.signature_def["serving_default"].inputs.pop("x"),
                "signature 'serving_default' has the inputs ['b'] in signature_def, but "
                "['b', 'x'] in object_graph_def.nodes[4].bare_concrete_function.argument_keywords.",
            ),
            (
                lambda graph: graph.signature_def["serving_default"].outputs["q"].SetInParent(),
                "signature 'serving_default' has the outputs ['p', 'q', 's'] in signature_def, but "
                "['p', 's'] in the output_signature of "
                f"object_graph_def.concrete_functions['{LINEAR}'].",
            ),
            (
                lambda graph: graph.object_graph_def.nodes[
                    4
                ].bare_concrete_function.argument_keywords.reverse(),
                "signature 'serving_default': object_graph_def.nodes[4].bare_concrete_function."
                "argument_keywords lists ['x', 'b'], which is not the sorted order in which "
                "tf.saved_model.load passes them.",
            ),
        ],
        ids=["signature", "inputs", "outputs", "order"],
    )
    def test_are_refused_with_their_place(
        self,
        fixture_model: ModelFactory,
        change: Callable[[protos.MetaGraphDef], object],
        message: str,
    ) -> None:
        model = altered(fixture_model("tf2_linear"), change)
        for patch in (
            'signature { key: "serving_default" rename_to: "predict" }',
            'signature { key: "predict" copy_of: "serving_default" }',
            'signature { key: "serving_default" output { key: "p" rename_to: "z" } }',
        ):
            assert refusal(model, patch) == message

    def test_of_other_signatures_do_not_matter(self, fixture_model: ModelFactory) -> None:
        model = altered(
            fixture_model("tf2_linear"),
            lambda graph: graph.signature_def["serving_default"].inputs.pop("x"),
        )
        after = apply(model, 'signature { key: "other" input { key: "x" rename_to: "z" } }')
        assert object_graph_view(after)["other"][0].keys() == {"y", "z"}

    def test_a_function_that_the_graph_lacks(self, fixture_model: ModelFactory) -> None:
        def forget(graph: protos.MetaGraphDef) -> None:
            functions = graph.graph_def.library.function
            functions.remove(next(f for f in functions if f.signature.name == LINEAR))

        model = altered(fixture_model("tf2_linear"), forget)
        with pytest.raises(sigpb.ModelUnreadable, match=f"names the function '{LINEAR}'"):
            apply(model, renaming("serving_default", x="a"))

    def test_a_function_that_takes_something_else(self, fixture_model: ModelFactory) -> None:
        model = altered(
            fixture_model("tf2_linear"),
            lambda graph: graph.object_graph_def.concrete_functions[LINEAR].bound_inputs.append(1),
        )
        with pytest.raises(sigpb.ModelUnreadable, match=r"5 arguments .* but it has 4"):
            apply(model, renaming("serving_default", x="a"))


class TestNothingToRewrite:
    def test_a_model_without_an_object_graph(self) -> None:
        draft = draft_of(meta_graph_bytes(predict="x -> y"))
        assert rewrite(draft) is None

    def test_an_object_graph_without_signatures(self) -> None:
        graph = protos.MetaGraphDef()
        graph.object_graph_def.nodes.add().user_object.identifier = "_generic_user_object"
        draft = draft_of(graph.SerializeToString())
        assert rewrite(draft) is None

    def test_a_draft_without_changes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_shared")
        assert rewritten_unchanged(model) == only_graph(model).object_graph_def


def rewritten_unchanged(model: Path) -> protos.SavedObjectGraph | None:
    with open_model(model) as opened:
        (graph,) = opened.meta_graphs
        return rewrite(MetaGraphDraft.of(graph))


def rewrite(draft: MetaGraphDraft) -> protos.SavedObjectGraph | None:
    """Rewrites the object graph of a draft in which nothing is to change."""
    edits, interfaces = Edits(draft.meta_graph.message.buffer), interfaces_of(draft)
    after = object_graph.rewrite(edits, interfaces, interfaces.parts)
    assert not edits
    return after
