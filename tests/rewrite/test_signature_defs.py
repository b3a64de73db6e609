from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sigpb import protos
from sigpb.rewrite import metadata
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.rewrite.interface import SignatureRef
from sigpb.rewrite.metadata import Endpoints
from sigpb.wire import Edits, Message, assemble, length_delimited, map_entry
from tests.views import outline

from .drafts import (
    Change,
    all_of,
    bind,
    default,
    draft_of,
    drop,
    meta_graph_bytes,
    rename,
    rewritten,
    signature_def,
)

MODEL = meta_graph_bytes(zz="x -> y", predict="b, x -> p, s", a="u -> v")


def after(change: Change, model: bytes = MODEL) -> dict[str, str]:
    """The outline of the signatures after a change, in the order of the file."""
    encoded = rewritten(metadata.rewrite_signature_defs, model, change)
    number = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
    keys = [key.decode() for key, _ in Message.root(encoded).entries(number)]
    found = outline(protos.MetaGraphDef.FromString(encoded))
    return {key: found[key] for key in keys}


def test_no_change() -> None:
    assert rewritten(metadata.rewrite_signature_defs, MODEL, lambda draft: None) == MODEL


def test_a_renamed_signature_keeps_its_place() -> None:
    assert list(after(rename("predict", "serve")).items()) == [
        ("zz", "x -> y"),
        ("serve", "b, x -> p, s"),
        ("a", "u -> v"),
    ]


def test_a_copy_follows_its_original() -> None:
    copies = all_of(
        rename("legacy", copy_of="predict", outputs={"p": "q"}),
        rename("predict", "serve"),
        rename("a2", copy_of="predict"),
    )
    assert list(after(copies).items()) == [
        ("zz", "x -> y"),
        ("serve", "b, x -> p, s"),
        ("legacy", "b, x -> q, s"),
        ("a2", "b, x -> p, s"),
        ("a", "u -> v"),
    ]


def test_a_dropped_signature_goes_and_its_copy_stays() -> None:
    assert after(all_of(drop("zz"), rename("copy", copy_of="zz"))) == {
        "copy": "x -> y",
        "predict": "b, x -> p, s",
        "a": "u -> v",
    }


def test_signatures_trade_keys() -> None:
    assert list(after(all_of(rename("zz", "a"), rename("a", "zz"))).items()) == [
        ("a", "x -> y"),
        ("predict", "b, x -> p, s"),
        ("zz", "u -> v"),
    ]


def test_endpoints_trade_keys_and_keep_their_tensors() -> None:
    swap = rename("predict", inputs={"b": "x", "x": "b"}, outputs={"p": "q", "s": "p"})
    encoded = rewritten(metadata.rewrite_signature_defs, MODEL, swap)
    predict = protos.MetaGraphDef.FromString(encoded).signature_def["predict"]
    assert {key: info.name for key, info in predict.inputs.items()} == {"x": "b:0", "b": "x:0"}
    assert {key: info.name for key, info in predict.outputs.items()} == {"q": "p:0", "p": "s:0"}


def test_a_dropped_output_goes() -> None:
    assert after(drop("predict", output="p"))["predict"] == "b, x -> s"


def test_the_method_name() -> None:
    def classify(draft: MetaGraphDraft) -> None:
        draft.put(replace(draft.signature(SignatureRef("a")), method_name="classify"))

    encoded = rewritten(metadata.rewrite_signature_defs, MODEL, classify)
    expected = protos.MetaGraphDef.FromString(MODEL)
    expected.signature_def["a"].method_name = "classify"
    assert protos.MetaGraphDef.FromString(encoded) == expected


def test_defaults_follow_their_inputs() -> None:
    predict = signature_def("b, c, x -> y")
    for key, value in (("b", 1.0), ("c", 2.0)):
        predict.defaults[key].float_val.append(value)
    model = protos.MetaGraphDef(signature_def={"predict": predict}).SerializeToString()
    encoded = rewritten(
        metadata.rewrite_signature_defs,
        model,
        rename("predict", inputs={"b": "c", "c": "d", "x": "b"}),
    )
    signature = protos.MetaGraphDef.FromString(encoded).signature_def["predict"]
    defaults = {key: list(value.float_val) for key, value in signature.defaults.items()}
    assert defaults == {"c": [1.0], "d": [2.0]}


def test_fields_that_this_version_does_not_know_stay() -> None:
    unknown = length_delimited(1000, b"news")
    encoded = signature_def("x -> y").SerializeToString() + unknown
    number = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
    after = rewritten(
        metadata.rewrite_signature_defs,
        map_entry(number, b"predict", encoded),
        rename("predict", "serve", inputs={"x": "a"}),
    )
    assert after == map_entry(
        number,
        b"serve",
        signature_def("a -> y").SerializeToString().replace(b"a:0", b"x:0") + unknown,
    )


def test_other_entries_and_fields_keep_their_bytes() -> None:
    number = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
    unsorted = b"".join(
        protos.SignatureDef(inputs={key: protos.TensorInfo()}).SerializeToString() for key in "zba"
    )
    value_first = length_delimited(
        number, length_delimited(2, unsorted) + length_delimited(1, b"other")
    )
    tags = protos.MetaGraphDef(
        meta_info_def=protos.MetaGraphDef.MetaInfoDef(tags=["serve"])
    ).SerializeToString()
    model = value_first + meta_graph_bytes(x="a -> b") + tags + meta_graph_bytes(y="c -> d")
    encoded = rewritten(metadata.rewrite_signature_defs, model, rename("x", "longer_key"))
    assert encoded == (
        value_first + meta_graph_bytes(longer_key="a -> b") + tags + meta_graph_bytes(y="c -> d")
    )


class TestConverted:
    """Signatures whose values are converted have other tensors."""

    def test_tensors_by_old_keys_and_added_outputs(self) -> None:
        ref = SignatureRef("predict")
        endpoints = Endpoints(
            inputs={"x": protos.TensorInfo(name="placeholder:0", dtype=4)},
            outputs={"p": protos.TensorInfo(name="cast:0", dtype=9)},
            added={"q": protos.TensorInfo(name="pool:0", dtype=1)},
        )
        encoded = rewritten(
            lambda edits, interfaces: metadata.rewrite_signature_defs(
                edits, interfaces, {ref: endpoints}
            ),
            MODEL,
            rename("predict", inputs={"x": "b", "b": "x"}, outputs={"p": "s", "s": "p"}),
        )
        predict = protos.MetaGraphDef.FromString(encoded).signature_def["predict"]
        assert tensors(predict.inputs) == {"b": "placeholder:0", "x": "b:0"}
        assert tensors(predict.outputs) == {"s": "cast:0", "p": "s:0", "q": "pool:0"}
        assert predict.inputs["b"].dtype == 4

    def test_a_copy_leaves_its_original_alone(self) -> None:
        change = rename("copy", copy_of="a")
        endpoints = Endpoints(inputs={"u": protos.TensorInfo(name="placeholder:0")})
        encoded = rewritten(
            lambda edits, draft: metadata.rewrite_signature_defs(
                edits, draft, {SignatureRef("copy", "a"): endpoints}
            ),
            MODEL,
            change,
        )
        signatures = protos.MetaGraphDef.FromString(encoded).signature_def
        assert tensors(signatures["a"].inputs) == {"u": "u:0"}
        assert tensors(signatures["copy"].inputs) == {"u": "placeholder:0"}


class TestDefaults:
    def after(self, change: Change) -> dict[str, list[float]]:
        predict = signature_def("b, x -> y")
        predict.defaults["b"].float_val.append(1.0)
        given = protos.MetaGraphDef(signature_def={"predict": predict})
        given.graph_def.node.extend(protos.NodeDef(name=name, op="NoOneKnows") for name in "bxy")
        encoded = rewritten(metadata.rewrite_signature_defs, given.SerializeToString(), change)
        defaults = protos.MetaGraphDef.FromString(encoded).signature_def["predict"].defaults
        return {key: list(value.float_val) for key, value in defaults.items()}

    def test_are_set_under_the_new_key(self) -> None:
        set_x = default("predict", "x", protos.TensorProto(float_val=[2.0]))
        assert self.after(all_of(set_x, rename("predict", inputs={"x": "z"}))) == {
            "b": [1.0],
            "z": [2.0],
        }

    def test_are_replaced(self) -> None:
        assert self.after(default("predict", "b", protos.TensorProto(float_val=[2.0]))) == {
            "b": [2.0]
        }

    def test_of_an_input_that_goes(self) -> None:
        assert self.after(bind("predict", "b", protos.TensorProto(float_val=[2.0]))) == {}


def tensors(infos: Mapping[str, protos.TensorInfo]) -> dict[str, str]:
    return {key: info.name for key, info in infos.items()}


def test_the_whole_map_has_the_signatures_of_tensorflow_too() -> None:
    model = MODEL + meta_graph_bytes(__saved_model_init_op="-> done")
    draft = draft_of(model)
    change = all_of(drop("a"), rename("zz", "a", inputs={"x": "z"}), rename("c", copy_of="a"))
    change(draft)
    edits = Edits(model)
    whole = metadata.rewrite_signature_defs(edits, interfaces_of(draft))
    encoded = assemble(edits.pieces(), model)
    assert whole == dict(protos.MetaGraphDef.FromString(encoded).signature_def)
    assert sorted(whole) == ["__saved_model_init_op", "a", "c", "predict"]
