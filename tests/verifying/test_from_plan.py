from __future__ import annotations

from sigpb import protos
from sigpb.saved_model.model import open_model
from sigpb.tf.tensor_types import dtype_of
from sigpb.verifying.from_plan import identity_mapping
from sigpb.verifying.mapping import AddedOutput, Component
from tests.patches import ModelFactory, altered, apply
from tests.verifying.mappings import mapping_by, signature_by, type_of


def test_unchanged(fixture_model: ModelFactory) -> None:
    with open_model(fixture_model("tf2_linear")) as model:
        (graph,) = identity_mapping(model).meta_graphs

    assert (graph.old_tags, graph.new_tags) == (("serve",), ("serve",))
    keys = ["other", "serving_default", "single"]
    assert [(each.old, each.new) for each in graph.signatures] == [(key, key) for key in keys]
    default = graph.signatures[1]
    assert [(end.old, end.new, end.steps) for end in default.inputs] == [
        ("b", "b", ()),
        ("x", "x", ()),
    ]
    assert [(end.old, end.new, end.steps) for end in default.outputs] == [
        ("p", "p", ()),
        ("s", "s", ()),
    ]
    assert default.has_open_batch
    assert default.rows is None


def test_renames(fixture_model: ModelFactory) -> None:
    patch = """
        signature {
          key: "serving_default" rename_to: "predict"
          input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" }
          output { key: "p" rename_to: "scores" } output { key: "s" drop: true }
        }
        signature { key: "other" drop: true }
        signature { key: "twin" copy_of: "single" input { key: "t" rename_to: "image" } }"""

    (graph,) = mapping_by(fixture_model("tf2_linear"), patch).meta_graphs

    found = {
        each.new: (
            each.old,
            [(end.old, end.new) for end in each.inputs],
            [(end.old, end.new) for end in each.outputs],
        )
        for each in graph.signatures
    }
    assert found == {
        "predict": ("serving_default", [("b", "x"), ("x", "b")], [("p", "scores")]),
        "single": ("single", [("t", "t")], [("u", "u")]),
        "twin": ("single", [("t", "image")], [("u", "u")]),
    }


def test_types(fixture_model: ModelFactory) -> None:
    patch = """signature {
        key: "serving_default"
        input { key: "x" dtype: "uint8" shape: "[?,3,1]" } output { key: "p" dtype: "int64" } }"""

    found = signature_by(fixture_model("tf2_linear"), patch)

    x = next(end for end in found.inputs if end.old == "x")
    assert x.declared == x.components[0].type == type_of("uint8 [?,3,1]")
    assert x.dtype == dtype_of("float32")
    assert [step.describe() for step in x.steps] == ["reshape", "cast"]
    p = next(end for end in found.outputs if end.old == "p")
    assert p.declared == type_of("int64 [?,3]")
    assert [step.describe() for step in p.steps] == ["cast"]


def test_bound_input_and_added_output(fixture_model: ModelFactory) -> None:
    patch = """signature {
        key: "serving_default"
        input { key: "training" bind: "true" }
        output { key: "pooled" from_tensor: "pool/Mean:0" } }"""

    found = signature_by(fixture_model("tf2_image"), patch)

    training = next(end for end in found.inputs if end.old == "training")
    assert training.new is None
    assert protos.TensorProto.FromString(training.value or b"").bool_val == [True]
    assert found.added == (AddedOutput("pooled", "pool/Mean:0", type_of("float32 [?,2]")),)
    assert [end.old for end in found.outputs] == ["label", "scores"]


def test_outputs_that_are_made_of_endpoints(fixture_model: ModelFactory) -> None:
    patch = """signature {
        key: "serving_default"
        input { key: "id" dtype: "int64" shape: "[?]" add: true }
        input { key: "x" rename_to: "z" dtype: "int8" }
        output { key: "key" from_input: "id" }
        output { key: "sent" from_input: "x" }
        output { key: "again" from_output: "p" dtype: "int32" } }"""

    found = signature_by(fixture_model("tf2_linear"), patch)

    assert [(end.old, end.new) for end in found.inputs] == [("b", "b"), ("x", "z"), (None, "id")]
    assert found.inputs[2].components == (Component("", "id", type_of("int64 [?]")),)
    assert [(end.old, end.new) for end in found.outputs] == [("p", "p"), ("s", "s"), ("p", "again")]
    assert [step.describe() for step in found.outputs[2].steps] == ["cast"]
    key, sent = sorted(found.added, key=lambda each: each.new)
    assert key == AddedOutput("key", "id", type_of("int64 [?]"), fed="id")
    assert sent == AddedOutput("sent", "z", type_of("int8 [?,3]"), fed="z")


def test_opened_batch(fixture_model: ModelFactory) -> None:
    patch = 'signature { key: "serving_default" batch_size: "?" }'

    found = signature_by(fixture_model("tf1_fixed_batch"), patch)

    assert (found.rows, found.has_open_batch) == (1, True)
    assert {end.old: (end.batch_axis, end.declared) for end in found.outputs} == {
        "image": (0, type_of("float32 [?,2,2]")),
        "y": (0, type_of("float32 [?,2]")),
    }


def test_fixed_batch(fixture_model: ModelFactory) -> None:
    patch = 'signature { key: "serving_default" batch_size: "3" }'

    found = signature_by(fixture_model("tf2_linear"), patch)

    assert (found.rows, found.has_open_batch) == (None, False)
    assert [end.batch_axis for end in found.outputs] == [None, None]


def test_sparse(fixture_model: ModelFactory) -> None:
    patch = 'signature { key: "serving_default" input { key: "s" dtype: "int32" } }'

    found = signature_by(fixture_model("tf1_sparse"), patch)

    s = next(end for end in found.inputs if end.old == "s")
    assert s.encoding == "coo_sparse"
    assert s.declared == type_of("int32 [?,4]")
    assert s.components == (
        Component("_values", "s/values:0", type_of("int32 [?]")),
        Component("_indices", "s/indices:0", type_of("int64 [?,2]")),
        Component("_dense_shape", "s/shape:0", type_of("int64 [2]")),
    )
    assert {end.old: end.suffixes for end in found.outputs} == {
        "dense": ("",),
        "doubled": ("_values", "_indices", "_dense_shape"),
    }


def test_composite(fixture_model: ModelFactory) -> None:
    found = signature_by(fixture_model("tf1_composite"), "")

    r = next(end for end in found.inputs if end.old == "r")
    assert [(part.suffix, part.tensor) for part in r.components] == [
        ("_component_0", "r/flat_values:0"),
        ("_component_1", "r/row_splits_0:0"),
    ]


def test_tag_sets(fixture_model: ModelFactory) -> None:
    patch = 'tags { tag: "serve" } set_tags { tag: "tpu" }'

    graphs = mapping_by(fixture_model("tf1_two_graphs"), patch).meta_graphs

    assert [(each.old_tags, each.new_tags) for each in graphs] == [
        (("serve",), ("tpu",)),
        (("gpu", "serve"), ("gpu", "serve")),
    ]


def test_what_the_graph_says_of_a_type_counts(fixture_model: ModelFactory) -> None:
    def misstate(meta_graph: protos.MetaGraphDef) -> None:
        info = meta_graph.signature_def["default"].inputs["a"]
        info.dtype = dtype_of("int64")
        info.tensor_shape.dim[0].size = 2

    found = signature_by(altered(fixture_model("tf1_no_variables"), misstate), "", "default")

    (a,) = (end for end in found.inputs if end.old == "a")
    assert a.declared == type_of("int64 [2,3]")
    assert a.components[0].type == type_of("float32 [2,3]")


def test_restored_signature(fixture_model: ModelFactory) -> None:
    """What is fed is what the patched model takes, whatever the restored one leaves open."""
    model = fixture_model("tf2_linear")
    apply(
        model,
        """signature { key: "serving_default" batch_size: "4" input { key: "x" dtype: "float64" }
          output { key: "p" dtype: "float64" } }""",
    )
    back = """signature { key: "serving_default"
        input { key: "x" dtype: "float32" shape: "[?,3]" } input { key: "b" shape: "[?,3]" }
        output { key: "p" dtype: "float32" } }"""

    found = signature_by(model, back)

    x = next(end for end in found.inputs if end.old == "x")
    p = next(end for end in found.outputs if end.old == "p")
    assert (x.declared, x.components[0].type) == (
        type_of("float32 [?,3]"),
        type_of("float32 [4,3]"),
    )
    assert [step.describe() for step in x.steps] == ["cast"]
    assert (p.declared, len(p.steps), p.batch_axis) == (type_of("float32 [?,3]"), 1, None)
    assert not found.has_open_batch
