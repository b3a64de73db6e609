from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.errors import PatchError
from sigpb.linting.lint import fix
from sigpb.tf.tensor_types import shape_proto
from tests.linting.faults import Fault, ModelFactory, find, findings, repair, rule
from tests.patches import altered, read
from tests.views import outline, session_view

RULE = "views-disagree"
FOLLOW_SIGNATURE_DEF = {RULE: "signature_def"}
FOLLOW_OBJECT_GRAPH = {RULE: "object_graph"}

ORIGINAL = {
    "other": "x, y -> q, r",
    "serving_default": "b, x -> p, s",
    "single": "t -> u",
}


def rename_endpoints(graph: protos.MetaGraphDef) -> None:
    """Keys that sort otherwise: the first input becomes the last, and so does the first output."""
    signature = graph.signature_def["serving_default"]
    for infos, old, new in ((signature.inputs, "b", "z"), (signature.outputs, "p", "t")):
        infos[new].CopyFrom(infos[old])
        del infos[old]


def rename_signature(graph: protos.MetaGraphDef) -> None:
    graph.signature_def["predict"].CopyFrom(graph.signature_def["serving_default"])
    del graph.signature_def["serving_default"]


def delete_signature(graph: protos.MetaGraphDef) -> None:
    del graph.signature_def["serving_default"]


def drop_output(graph: protos.MetaGraphDef) -> None:
    del graph.signature_def["serving_default"].outputs["s"]


FAULTS: list[tuple[Callable[[protos.MetaGraphDef], None], dict[str, str]]] = [
    (rename_endpoints, {**ORIGINAL, "serving_default": "x, z -> s, t"}),
    (rename_signature, {"other": "x, y -> q, r", "predict": "b, x -> p, s", "single": "t -> u"}),
    (delete_signature, {"other": "x, y -> q, r", "single": "t -> u"}),
    (drop_output, {**ORIGINAL, "serving_default": "b, x -> p"}),
]
each_fault = pytest.mark.parametrize(
    ("fault", "edited"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS]
)


def graph_of(model: Path) -> protos.MetaGraphDef:
    return read(model).meta_graphs[0]


@pytest.mark.parametrize(
    "name", ["tf2_linear", "tf2_many", "tf2_stateful", "tf2_shared", "tf2_defaults", "tf1_shared"]
)
def test_views_agree(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


@each_fault
def test_fault_is_found(fixture_model: ModelFactory, fault: Any, edited: object) -> None:
    found = find(RULE, altered(fixture_model("tf2_linear"), fault))
    assert {severity for severity, _, _ in found} == {"error"}
    assert found


def test_types(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].inputs["t"].tensor_shape.CopyFrom(shape_proto((7, 3)))

    ((_, where, message),) = find(RULE, altered(fixture_model("tf2_linear"), fault))

    assert where == "signature 'single', input 't'"
    assert message.startswith(
        "it is float32 [7,3] in signature_def, but float32 [?,3] in object_graph_def"
    )


@each_fault
def test_object_graph_follows(fixture_model: ModelFactory, fault: Any, edited: Any) -> None:
    model = altered(fixture_model("tf2_linear"), fault)
    tensors = session_view(graph_of(model))

    repair(RULE, model, FOLLOW_SIGNATURE_DEF)

    assert outline(graph_of(model)) == edited  # which asserts that the views agree
    before = {key: (len(view[0]), len(view[1])) for key, view in tensors.items()}
    after = session_view(graph_of(model))
    assert {key: (len(view[0]), len(view[1])) for key, view in after.items()} == before


@each_fault
def test_signature_def_follows(fixture_model: ModelFactory, fault: Any, edited: object) -> None:
    original = fixture_model("tf2_linear")
    model = altered(fixture_model("tf2_linear"), fault)

    repair(RULE, model, FOLLOW_OBJECT_GRAPH)

    assert outline(graph_of(model)) == ORIGINAL
    assert session_view(graph_of(model)) == session_view(graph_of(original))


def test_signatures_without_inputs_are_told_by_their_outputs(fixture_model: ModelFactory) -> None:
    def rename_all(graph: protos.MetaGraphDef) -> None:
        for key in ("add", "get", "increment", "reset"):
            graph.signature_def[f"new_{key}"].CopyFrom(graph.signature_def[key])
            del graph.signature_def[key]

    model = altered(fixture_model("tf2_stateful"), rename_all)
    tensors = session_view(graph_of(model))

    repair(RULE, model, FOLLOW_SIGNATURE_DEF)

    assert session_view(graph_of(model)) == tensors
    assert set(outline(graph_of(model))) == {"new_add", "new_get", "new_increment", "new_reset"}


@pytest.mark.parametrize("way", ["signature_def", "object_graph"])
def test_types_follow(fixture_model: ModelFactory, way: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].inputs["t"].tensor_shape.CopyFrom(shape_proto((7, 3)))

    model = altered(fixture_model("tf2_linear"), fault)

    repair(RULE, model, {RULE: way})

    shape = graph_of(model).signature_def["single"].inputs["t"].tensor_shape
    assert [dim.size for dim in shape.dim] == [7 if way == "signature_def" else -1, 3]


def test_text_model_stays_text(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), rename_signature)
    with sigpb.open(model) as opened:
        saved_model = protos.SavedModel.FromString(opened.root.content())
    (model / "saved_model.pb").unlink()
    (model / "saved_model.pbtxt").write_text(str(saved_model))

    repair(RULE, model, FOLLOW_OBJECT_GRAPH)

    with sigpb.open(model) as opened:
        assert opened.is_text
        assert opened.meta_graphs[0].user_signatures == sorted(ORIGINAL)


def test_files_are_kept_and_the_fingerprint_fits(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), rename_endpoints)
    faulty = (model / "saved_model.pb").read_bytes()
    assert find("stale-fingerprint", model)

    backup = repair(RULE, model, FOLLOW_OBJECT_GRAPH).backup

    assert backup is not None
    assert (backup / "saved_model.pb").read_bytes() == faulty
    assert find("stale-fingerprint", model) == []


def test_way_has_to_be_chosen(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), rename_endpoints)
    with pytest.raises(PatchError) as refusal:
        fix(model, [rule(RULE)])
    assert "--choose=views-disagree=signature_def, which makes the object graph follow" in str(
        refusal.value
    )
    assert "--choose=views-disagree=object_graph, which makes signature_def follow" in str(
        refusal.value
    )


def test_input_that_the_function_lacks(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        signature = graph.signature_def["serving_default"]
        signature.inputs["extra"].CopyFrom(graph.signature_def["single"].inputs["t"])

    model = altered(fixture_model("tf2_linear"), fault)
    before = (model / "saved_model.pb").read_bytes()

    with pytest.raises(PatchError, match="no function with the inputs and outputs of signature"):
        fix(model, [rule(RULE)], ways=FOLLOW_SIGNATURE_DEF)

    assert (model / "saved_model.pb").read_bytes() == before
    assert findings(RULE, model)


def cut_keywords(graph: protos.MetaGraphDef) -> None:
    for node in graph.object_graph_def.nodes:
        if node.HasField("bare_concrete_function"):
            del node.bare_concrete_function.argument_keywords[1:]


def lose_signature_map(graph: protos.MetaGraphDef) -> None:
    for node in graph.object_graph_def.nodes:
        if node.user_object.identifier == "signature_map":
            node.user_object.identifier = "other"


@pytest.mark.parametrize("way", ["signature_def", "object_graph"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (cut_keywords, "The object graph contradicts itself"),
        (lose_signature_map, "The object graph has no place for signatures"),
    ],
)
def test_object_graph_that_nothing_can_follow(
    fixture_model: ModelFactory, way: str, fault: Fault, reason: str
) -> None:
    model = altered(fixture_model("tf2_linear"), fault)
    before = (model / "saved_model.pb").read_bytes()
    assert findings(RULE, model)

    with pytest.raises(PatchError, match=reason):
        fix(model, [rule(RULE)], ways={RULE: way})

    assert (model / "saved_model.pb").read_bytes() == before


def test_defaults_are_kept(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        signature = graph.signature_def["serving_default"]
        for infos in (signature.inputs, signature.defaults):
            infos["renamed"].CopyFrom(infos["offset"])  # type: ignore[arg-type]
            del infos["offset"]

    model = fixture_model("tf2_defaults")
    before = graph_of(model).signature_def["serving_default"].defaults
    altered(model, fault)

    repair(RULE, model, FOLLOW_OBJECT_GRAPH)

    assert graph_of(model).signature_def["serving_default"].defaults == before


@pytest.mark.tensorflow
def test_values_keep_their_places(fixture_model: ModelFactory) -> None:
    from tests import model_runner

    model = altered(fixture_model("tf2_linear"), rename_endpoints)
    inputs = model_runner.make_inputs(model, ["serve"])
    expected = model_runner.run_v1(model, ["serve"], inputs)

    repair(RULE, model, FOLLOW_SIGNATURE_DEF)

    for run in (model_runner.run_v1, model_runner.run_v2):
        model_runner.assert_equal(expected, run(model, ["serve"], inputs))
