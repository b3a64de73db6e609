"""Models whose object graph contradicts ``signature_def`` or the functions of the graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from tests.cli.command_line import run
from tests.cli.refusals import refuse_patch

ModelFactory = Callable[..., Path]
Edit = Callable[[protos.MetaGraphDef], None]


def edit(model: Path, change: Edit) -> Path:
    """Changes the first MetaGraph of a model."""
    file = model / "saved_model.pb"
    saved_model = protos.SavedModel.FromString(file.read_bytes())
    change(saved_model.meta_graphs[0])
    file.write_bytes(saved_model.SerializeToString(deterministic=True))
    return model


def signature_map(meta_graph: protos.MetaGraphDef) -> protos.SavedObject:
    nodes = meta_graph.object_graph_def.nodes
    return next(node for node in nodes if node.user_object.identifier == "signature_map")


def child(
    meta_graph: protos.MetaGraphDef,
) -> protos.TrackableObjectGraph.TrackableObject.ObjectReference:
    children = signature_map(meta_graph).children
    return next(each for each in children if each.local_name == "serving_default")


def bare_function(meta_graph: protos.MetaGraphDef) -> protos.SavedBareConcreteFunction:
    return meta_graph.object_graph_def.nodes[child(meta_graph).node_id].bare_concrete_function


def concrete_function(meta_graph: protos.MetaGraphDef) -> protos.SavedConcreteFunction:
    name = bare_function(meta_graph).concrete_function_name
    return meta_graph.object_graph_def.concrete_functions[name]


class TestContradictingObjectGraph:
    """Two loaders already disagree on `serving_default`, so no edit can keep them in step."""

    @staticmethod
    def other_arguments(meta_graph: protos.MetaGraphDef) -> None:
        bare_function(meta_graph).argument_keywords[:] = ["b", "q"]

    @staticmethod
    def unsorted_arguments(meta_graph: protos.MetaGraphDef) -> None:
        bare_function(meta_graph).argument_keywords[:] = ["x", "b"]

    @staticmethod
    def other_parameters(meta_graph: protos.MetaGraphDef) -> None:
        arguments = concrete_function(meta_graph).canonicalized_input_signature.tuple_value
        fields = arguments.values[1].dict_value.fields
        fields["q"].CopyFrom(fields["x"])
        del fields["x"]

    @staticmethod
    def other_results(meta_graph: protos.MetaGraphDef) -> None:
        fields = concrete_function(meta_graph).output_signature.dict_value.fields
        fields["q"].CopyFrom(fields["p"])

    @staticmethod
    def one_more_output(meta_graph: protos.MetaGraphDef) -> None:
        outputs = meta_graph.signature_def["serving_default"].outputs
        outputs["q"].CopyFrom(outputs["p"])

    @staticmethod
    def another_key(meta_graph: protos.MetaGraphDef) -> None:
        child(meta_graph).local_name = "another"

    @staticmethod
    def no_signatures(meta_graph: protos.MetaGraphDef) -> None:
        del signature_map(meta_graph).children[:]

    @staticmethod
    def no_signature_map(meta_graph: protos.MetaGraphDef) -> None:
        signature_map(meta_graph).user_object.identifier = "trackable"

    @staticmethod
    def no_nodes(meta_graph: protos.MetaGraphDef) -> None:
        del meta_graph.object_graph_def.nodes[:]

    @staticmethod
    def no_such_node(meta_graph: protos.MetaGraphDef) -> None:
        child(meta_graph).node_id = 9999

    @staticmethod
    def negative_node(meta_graph: protos.MetaGraphDef) -> None:
        child(meta_graph).node_id = -2

    @staticmethod
    def no_such_function(meta_graph: protos.MetaGraphDef) -> None:
        bare_function(meta_graph).concrete_function_name = "missing_1"

    @pytest.mark.parametrize(
        "change",
        [
            *(other_arguments, unsorted_arguments, other_parameters, other_results),
            *(one_more_output, another_key, no_signatures, no_signature_map, no_nodes),
            *(no_such_node, negative_node, no_such_function),
        ],
        ids=lambda change: str(change.__name__),
    )
    @pytest.mark.parametrize(
        "flag",
        [
            *("--rename_input=x=a", "--rename_output=p=z", "--drop_output=s"),
            *("--rename_signature=serving_default=a", "--copy_signature=serving_default=a"),
        ],
    )
    def test_says_where(self, fixture_model: ModelFactory, change: Edit, flag: str) -> None:
        model = edit(fixture_model("tf2_linear"), change)
        said = refuse_patch(model, flag)
        assert "signature 'serving_default'" in said
        assert "object_graph_def." in said or "the object graph does not" in said

    def test_does_not_matter_to_other_signatures(self, fixture_model: ModelFactory) -> None:
        model = edit(fixture_model("tf2_linear"), self.other_results)
        patched = ("--signature=other", "--rename_input=x=image", "--fingerprint=drop")
        assert run("patch", model, "--in_place", *patched).code == 0

    @pytest.mark.parametrize(
        "flag", ["--rename_signature=serving_default=ghost", "--copy_signature=other=ghost"]
    )
    def test_key_may_be_taken_in_the_object_graph_alone(
        self, fixture_model: ModelFactory, flag: str
    ) -> None:
        def add_ghost(meta_graph: protos.MetaGraphDef) -> None:
            node_id = child(meta_graph).node_id
            signature_map(meta_graph).children.add(local_name="ghost", node_id=node_id)

        said = refuse_patch(edit(fixture_model("tf2_linear"), add_ghost), flag)
        assert "'ghost'" in said
        assert "object graph" in said


class TestContradictingFunctions:
    """The object graph names functions that the graph does not hold, or that are others."""

    @staticmethod
    def no_function(meta_graph: protos.MetaGraphDef) -> None:
        del meta_graph.graph_def.library.function[:]

    @staticmethod
    def no_library(meta_graph: protos.MetaGraphDef) -> None:
        meta_graph.graph_def.ClearField("library")

    @staticmethod
    def one_more_capture(meta_graph: protos.MetaGraphDef) -> None:
        concrete_function(meta_graph).bound_inputs.append(1)

    @staticmethod
    def one_result_less(meta_graph: protos.MetaGraphDef) -> None:
        name = bare_function(meta_graph).concrete_function_name
        for function in meta_graph.graph_def.library.function:
            if function.signature.name == name:
                del function.signature.output_arg[-1]

    @pytest.mark.parametrize(
        "change",
        [no_function, no_library, one_more_capture, one_result_less],
        ids=lambda change: str(change.__name__),
    )
    @pytest.mark.parametrize("flag", ["--rename_input=x=a", "--rename_output=p=z"])
    def test_names_the_function(self, fixture_model: ModelFactory, change: Edit, flag: str) -> None:
        model = edit(fixture_model("tf2_linear"), change)
        said = refuse_patch(model, flag, "--fingerprint=drop", code=3)
        assert "'__inference_signature_wrapper_linear_" in said
