"""What `tf.saved_model.load` is given of chained signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.composing.chain import chained
from sigpb.composing.composed import Composed
from sigpb.composing.fit import Pair
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.saved_model.model import open_model
from sigpb.tf.tensor_types import dtype_of
from sigpb.wire import assemble
from tests.patches import MAIN, ModelFactory, altered, apply, only_graph
from tests.views import outline, signature_map

CHAINED = "__inference_signature_wrapper_sigpb_chain_"


def chained_graph(
    path: Path,
    first: str,
    second: str,
    pairs: Mapping[str, str],
    key: str | None = None,
    *,
    keeps: bool = False,
) -> protos.MetaGraphDef:
    """Returns the MetaGraph with one signature in the place of two; both views agree on it."""
    with open_model(path) as model:
        listed = [Pair(*pair) for pair in pairs.items()]
        now = chained(Composed.of(model), 0, first, second, listed, key=key or second, keeps=keeps)
        proto = protos.SavedModel.FromString(assemble(now.pieces, model.buffer))
    (meta_graph,) = proto.meta_graphs
    outline(meta_graph)
    return meta_graph


def function_of(meta_graph: protos.MetaGraphDef, key: str) -> protos.FunctionDef:
    """Returns the function that a signature calls."""
    name = node_of(meta_graph, key).bare_concrete_function.concrete_function_name
    return library(meta_graph)[name]


def library(meta_graph: protos.MetaGraphDef) -> dict[str, protos.FunctionDef]:
    return {each.signature.name: each for each in meta_graph.graph_def.library.function}


def node_of(meta_graph: protos.MetaGraphDef, key: str) -> protos.SavedObject:
    return meta_graph.object_graph_def.nodes[place_of(meta_graph, key)]


def place_of(meta_graph: protos.MetaGraphDef, key: str) -> int:
    children = signature_map(meta_graph).children
    return next(child.node_id for child in children if child.local_name == key)


def named(function: protos.FunctionDef) -> tuple[list[str], list[str]]:
    signature = function.signature
    return [each.name for each in signature.input_arg], [e.name for e in signature.output_arg]


def calls(function: protos.FunctionDef) -> list[list[str]]:
    return [[*node.input] for node in function.node_def if "PartitionedCall" in node.op]


class TestFunction:
    def test_takes_and_returns_in_the_order_of_the_keys(self, fixture_model: ModelFactory) -> None:
        # single: t -> u; other: x, y -> q, r. Both capture variables.
        path = fixture_model("tf2_linear")
        before = only_graph(path)
        after = chained_graph(path, "single", "other", {"u": "x"})
        function = function_of(after, "other")
        assert function.signature.name.startswith(CHAINED)
        (taken, returned), captured = named(function), bound(after, "other")
        assert (taken[:2], returned) == (["t", "y"], ["q", "r"])
        assert captured == [*bound(before, "single"), *bound(before, "other")]
        names = dict(zip(captured, taken[2:], strict=True))
        assert calls(function) == [
            ["t", *(names[each] for each in bound(before, "single"))],
            [
                *("first:output:0", "y"),
                *(names[each] for each in bound(before, "other")),
                *(["^first"] if function.signature.is_stateful else []),
            ],
        ]
        assert [node.input[0] for node in function.node_def[2:]] == [
            "second:output:0",
            "second:output:1",
        ]

    def test_outputs_that_stay(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_linear")
        after = chained_graph(path, "other", "single", {"q": "t"}, "other", keeps=True)
        assert outline(after)["other"] == "x, y -> r, u"
        function = function_of(after, "other")
        assert [node.input[0] for node in function.node_def[2:]] == [
            "first:output:1",
            "second:output:0",
        ]
        after = chained_graph(path, "other", "single", {"q": "t"})
        assert outline(after)["single"] == "x, y -> u"

    def test_side_effects_of_both_happen_in_order(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_stateful")
        after = chained_graph(path, "increment", "add", {"count": "delta"})
        function = function_of(after, "add")
        assert [*function.signature.control_output] == ["first", "second"]
        assert dict(function.control_ret) == {"first": "first", "second": "second"}
        # Both take the variable, which is captured once.
        [first, second] = calls(function)
        assert first == [function.signature.input_arg[0].name]
        assert second == ["first:output:0", *first, "^first"]
        assert node_of(after, "add").bare_concrete_function.allowed_positional_arguments == 0

    def test_without_a_state_nothing_waits(self, fixture_model: ModelFactory) -> None:
        def pure(meta_graph: protos.MetaGraphDef) -> None:
            for key in ("single", "other"):
                function_of(meta_graph, key).signature.is_stateful = False

        path = altered(fixture_model("tf2_linear"), pure)
        function = function_of(chained_graph(path, "single", "other", {"u": "x"}), "other")
        assert [node.op for node in function.node_def[:2]] == ["PartitionedCall"] * 2
        assert not any("^first" in each for each in calls(function))
        assert not function.signature.control_output

    def test_resources_that_may_be_one(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_linear")
        places = bound(only_graph(path), "single"), bound(only_graph(path), "other")

        def aliased(meta_graph: protos.MetaGraphDef) -> None:
            function = function_of(meta_graph, "other")
            for number in range(2, 2 + len(places[1])):
                function.resource_arg_unique_id[number] = 2

        function = function_of(
            chained_graph(altered(path, aliased), "single", "other", {"u": "x"}), "other"
        )
        captured = dict.fromkeys([*places[0], *places[1]])
        ids = [function.resource_arg_unique_id[2 + n] for n, _ in enumerate(captured)]
        same = {each for place, each in zip(captured, ids, strict=True) if place in places[1]}
        assert len(same) == 1
        others = [each for place, each in zip(captured, ids, strict=True) if place not in places[1]]
        assert len({*others, *same}) == len(others) + 1


def bound(meta_graph: protos.MetaGraphDef, key: str) -> list[int]:
    """Returns the places of what the function of a signature captures."""
    name = node_of(meta_graph, key).bare_concrete_function.concrete_function_name
    return [*meta_graph.object_graph_def.concrete_functions[name].bound_inputs]


class TestNodes:
    def test_the_other_goes(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_linear")
        before = only_graph(path).object_graph_def
        after = chained_graph(path, "single", "other", {"u": "x"})
        assert [child.local_name for child in signature_map(after).children] == [
            "serving_default",
            "other",
        ]
        assert {*after.signature_def} == {"__saved_model_init_op", "other", "serving_default"}
        # Its function stays described, which tells the keys of the first call.
        assert {*before.concrete_functions} < {*after.object_graph_def.concrete_functions}

    @pytest.mark.parametrize("is_last", [True, False])
    def test_the_node_of_the_other_goes_only_from_the_end(
        self, fixture_model: ModelFactory, is_last: bool
    ) -> None:
        def last(meta_graph: protos.MetaGraphDef) -> None:
            graph = meta_graph.object_graph_def
            graph.nodes.add().CopyFrom(node_of(meta_graph, "single"))
            if not is_last:
                graph.nodes.add().user_object.identifier = "_generic_user_object"
            for child in signature_map(meta_graph).children:
                if child.local_name == "single":
                    child.node_id = len(graph.nodes) - 1 - (not is_last)

        path = altered(fixture_model("tf2_linear"), last)
        before, after = only_graph(path), chained_graph(path, "single", "other", {"u": "x"})
        counts = [len(each.object_graph_def.nodes) for each in (before, after)]
        assert counts[0] - counts[1] == is_last

    def test_the_node_of_the_other_stays_where_something_leads_to_it(
        self, fixture_model: ModelFactory
    ) -> None:
        def last(meta_graph: protos.MetaGraphDef) -> None:
            graph = meta_graph.object_graph_def
            graph.nodes.add().CopyFrom(node_of(meta_graph, "single"))
            place = len(graph.nodes) - 1
            for child in signature_map(meta_graph).children:
                if child.local_name == "single":
                    child.node_id = place
            graph.nodes[0].children.add(local_name="also", node_id=place)

        path = altered(fixture_model("tf2_linear"), last)
        before, after = only_graph(path), chained_graph(path, "single", "other", {"u": "x"})
        assert len(before.object_graph_def.nodes) == len(after.object_graph_def.nodes)

    def test_an_alias_keeps_its_function(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_shared")
        before = only_graph(path)
        assert place_of(before, "alias") == place_of(before, "serving_default")
        after = chained_graph(path, "twin", "serving_default", {"p": "b", "s": "x"})
        assert place_of(after, "alias") == place_of(before, "alias")
        assert node_of(after, "alias") == node_of(before, "alias")
        assert function_of(after, "serving_default").signature.name.startswith(CHAINED)
        assert after.signature_def["alias"] == before.signature_def["alias"]

    def test_how_it_is_called(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_linear")
        before, after = only_graph(path), chained_graph(path, "single", "other", {"u": "x"})
        bare = node_of(after, "other").bare_concrete_function
        assert [*bare.argument_keywords] == ["t", "y"]
        assert parameters(bare) == ["t", "y"]
        assert bare.allowed_positional_arguments == 0
        described = after.object_graph_def.concrete_functions[bare.concrete_function_name]
        earlier = before.object_graph_def.concrete_functions
        single = earlier[node_of(before, "single").bare_concrete_function.concrete_function_name]
        fields = "canonicalized_input_signature", "t"
        assert spec(described, *fields) == spec(single, *fields)
        after = chained_graph(path, "single", "serving_default", {"u": "x"}, "single")
        bare = node_of(after, "single").bare_concrete_function
        assert [*bare.argument_keywords] == parameters(bare) == ["b", "t"]

    def test_what_is_said_of_arguments(self, fixture_model: ModelFactory) -> None:
        path, key = fixture_model("tf2_linear"), "serving_default"
        # The function goes on calling it "t".
        apply(path, 'signature { key: "single" input { key: "t" rename_to: "w" } }')
        before, after = only_graph(path), chained_graph(path, "single", key, {"u": "x"})
        function, first = function_of(after, key), function_of(before, "single")
        second = function_of(before, key)
        assert named(first)[0][0] == "t"
        assert named(function)[0][:2] == ["b", "w"]
        stated = function.arg_attr[1].attr
        assert stated["_user_specified_name"].s == b"w"
        assert stated["_output_shapes"] == first.arg_attr[0].attr["_output_shapes"]
        assert function.attr["_construction_context"].s == b"kEagerRuntime"
        shapes = [each.attr["_input_shapes"].list.shape for each in (function, first, second)]
        assert len(shapes[0]) == len(function.signature.input_arg)
        assert (shapes[0][0], shapes[0][1]) == (shapes[2][0], shapes[1][0])

    def test_one_input_can_be_passed_by_position(self, fixture_model: ModelFactory) -> None:
        after = chained_graph(fixture_model("tf2_linear"), "single", "serving_default", {"u": "b"})
        bare = node_of(after, "serving_default").bare_concrete_function
        assert [*bare.argument_keywords] == ["t", "x"]
        assert bare.allowed_positional_arguments == 0
        after = chained_graph(fixture_model("tf2_stateful"), "add", "get", {})
        assert node_of(after, "get").bare_concrete_function.allowed_positional_arguments == 1


def drop_argument(meta_graph: protos.MetaGraphDef) -> None:
    del function_of(meta_graph, "single").signature.input_arg[-1]


def add_result(meta_graph: protos.MetaGraphDef) -> None:
    function_of(meta_graph, "single").signature.output_arg.add(name="more")


def drop_key(meta_graph: protos.MetaGraphDef) -> None:
    node_of(meta_graph, "single").bare_concrete_function.argument_keywords[0] = "other"


def drop_description(meta_graph: protos.MetaGraphDef) -> None:
    bare = node_of(meta_graph, "single").bare_concrete_function
    del meta_graph.object_graph_def.concrete_functions[bare.concrete_function_name]


def drop_node(meta_graph: protos.MetaGraphDef) -> None:
    for child in signature_map(meta_graph).children:
        child.node_id += 100


def parameters(bare: protos.SavedBareConcreteFunction) -> list[str]:
    pairs = bare.function_spec.fullargspec.named_tuple_value.values
    [names] = [pair.value.list_value.values for pair in pairs if pair.key == "kwonlyargs"]
    return [value.string_value for value in names]


def spec(concrete: protos.SavedConcreteFunction, field: str, key: str) -> protos.StructuredValue:
    _, keywords = getattr(concrete, field).tuple_value.values
    found: protos.StructuredValue = keywords.dict_value.fields[key]
    return found


class TestRefused:
    def test_one_argument_name_for_two_inputs(self, fixture_model: ModelFactory) -> None:
        path = fixture_model("tf2_linear")
        keys = (("single", "t", "a.b"), ("other", "y", "a_b"))
        for signature, key, new in keys:
            apply(
                path,
                f'signature {{ key: "{signature}" input {{ key: "{key}" rename_to: "{new}" }} }}',
            )
        with pytest.raises(PatchError) as caught:
            chained_graph(path, "single", "other", {"u": "x"})
        assert caught.value.problems == (
            "tf.saved_model.load would give the inputs 'a.b' and 'a_b' the same argument name, "
            "'a_b'; rename one of them first.",
        )

    def test_a_signature_that_only_sessions_have(self, fixture_model: ModelFactory) -> None:
        def lost(meta_graph: protos.MetaGraphDef) -> None:
            children = signature_map(meta_graph).children
            kept = [child for child in children if child.local_name != "single"]
            del children[:]
            children.extend(kept)

        with pytest.raises(PatchError, match="the object graph has no signature 'single'"):
            chained_graph(altered(fixture_model("tf2_linear"), lost), "single", "other", {"u": "x"})

    def test_inputs_of_several_tensors(self, fixture_model: ModelFactory) -> None:
        def sparse(info: protos.TensorInfo) -> None:
            for part in ("values", "indices", "dense_shape"):
                setattr(info.coo_sparse, f"{part}_tensor_name", f"{part}:0")

        def of_three(meta_graph: protos.MetaGraphDef) -> None:
            sparse(meta_graph.signature_def["single"].outputs["u"])
            sparse(meta_graph.signature_def["other"].inputs["x"])
            results = function_of(meta_graph, "single").signature.output_arg
            results.add(name="more")
            results.add(name="most")

        path = altered(fixture_model("tf2_linear"), of_three)
        with pytest.raises(PatchError, match="the input 'x' of the signature 'other' has several"):
            chained_graph(path, "single", "other", {"u": "x"})

    def test_functions_of_other_types_than_the_signatures_say(
        self, fixture_model: ModelFactory
    ) -> None:
        def other(meta_graph: protos.MetaGraphDef) -> None:
            function_of(meta_graph, "single").signature.output_arg[0].type = dtype_of("int32")

        path = altered(fixture_model("tf2_linear"), other)
        with pytest.raises(PatchError, match="the functions have it as int32 and as float32"):
            chained_graph(path, "single", "other", {"u": "x"})

    @pytest.mark.parametrize(
        "change", [drop_argument, add_result, drop_key, drop_description, drop_node]
    )
    def test_an_object_graph_that_contradicts_the_graph(
        self, fixture_model: ModelFactory, change: Callable[[protos.MetaGraphDef], None]
    ) -> None:
        path = altered(fixture_model("tf2_linear"), change)
        with pytest.raises(ModelUnreadable, match=r"object graph"):
            chained_graph(path, "single", "other", {"u": "x"})


class TestLaterPatches:
    @pytest.mark.parametrize(
        ("there", "back"),
        [
            ('output { key: "q" dtype: "float64" }', 'output { key: "q" dtype: "float32" }'),
            ('input { key: "t" shape: "[4,3]" }', 'input { key: "t" shape: "[?,3]" }'),
            ('input { key: "t" rename_to: "z" }', 'input { key: "z" rename_to: "t" }'),
            (
                'input { key: "y" dtype: "float64" } output { key: "r" rename_to: "a" }',
                'input { key: "y" dtype: "float32" } output { key: "a" rename_to: "r" }',
            ),
        ],
    )
    def test_are_taken_back_to_the_byte(
        self, fixture_model: ModelFactory, there: str, back: str
    ) -> None:
        path = fixture_model("tf2_linear")
        written(path, chained_graph(path, "single", "other", {"u": "x"}))
        before = (path / MAIN).read_bytes()
        apply(path, f'signature {{ key: "other" {there} }}')
        outline(apply(path, f'signature {{ key: "other" {back} }}'))
        assert (path / MAIN).read_bytes() == before

    @pytest.mark.parametrize(
        "there",
        ['input { key: "y" bind: "[1,2,3]" }', 'output { key: "more" from_input: "y" }'],
    )
    def test_are_not_taken_back_where_something_is_bound_or_added(
        self, fixture_model: ModelFactory, there: str
    ) -> None:
        path = fixture_model("tf2_linear")
        written(path, chained_graph(path, "single", "other", {"u": "x"}))
        apply(path, f'signature {{ key: "other" {there} output {{ key: "r" dtype: "float64" }} }}')
        after = apply(path, 'signature { key: "other" output { key: "r" dtype: "float32" } }')
        assert not function_of(after, "other").signature.name.startswith(CHAINED)
        assert "t" in after.signature_def["other"].inputs


def written(path: Path, meta_graph: protos.MetaGraphDef) -> None:
    """Writes a model with one MetaGraph."""
    model = protos.SavedModel(saved_model_schema_version=1, meta_graphs=[meta_graph])
    (path / MAIN).write_bytes(model.SerializeToString(deterministic=True))
