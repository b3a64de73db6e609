from __future__ import annotations

from sigpb import protos
from sigpb.rewrite import signature_defs
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef
from sigpb.wire import Message, length_delimited, map_entry
from tests.views import outline

from .drafts import (
    Change,
    all_of,
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
    encoded = rewritten(signature_defs.rewrite, model, change)
    number = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
    keys = [key.decode() for key, _ in Message.root(encoded).entries(number)]
    found = outline(protos.MetaGraphDef.FromString(encoded))
    return {key: found[key] for key in keys}


def test_no_change() -> None:
    assert rewritten(signature_defs.rewrite, MODEL, lambda draft: None) == MODEL


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
    encoded = rewritten(signature_defs.rewrite, MODEL, swap)
    predict = protos.MetaGraphDef.FromString(encoded).signature_def["predict"]
    assert {key: info.name for key, info in predict.inputs.items()} == {"x": "b:0", "b": "x:0"}
    assert {key: info.name for key, info in predict.outputs.items()} == {"q": "p:0", "p": "s:0"}


def test_a_dropped_output_goes() -> None:
    assert after(drop("predict", output="p"))["predict"] == "b, x -> s"


def test_the_method_name() -> None:
    def classify(draft: MetaGraphDraft) -> None:
        draft.signature(SignatureRef("a")).method_name = "classify"

    encoded = rewritten(signature_defs.rewrite, MODEL, classify)
    expected = protos.MetaGraphDef.FromString(MODEL)
    expected.signature_def["a"].method_name = "classify"
    assert protos.MetaGraphDef.FromString(encoded) == expected


def test_defaults_follow_their_inputs() -> None:
    predict = signature_def("b, c, x -> y")
    for key, value in (("b", 1.0), ("c", 2.0)):
        predict.defaults[key].float_val.append(value)
    model = protos.MetaGraphDef(signature_def={"predict": predict}).SerializeToString()
    encoded = rewritten(
        signature_defs.rewrite, model, rename("predict", inputs={"b": "c", "c": "d", "x": "b"})
    )
    signature = protos.MetaGraphDef.FromString(encoded).signature_def["predict"]
    defaults = {key: list(value.float_val) for key, value in signature.defaults.items()}
    assert defaults == {"c": [1.0], "d": [2.0]}


def test_fields_that_this_version_does_not_know_stay() -> None:
    unknown = length_delimited(1000, b"news")
    encoded = signature_def("x -> y").SerializeToString() + unknown
    number = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
    after = rewritten(
        signature_defs.rewrite,
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
    encoded = rewritten(signature_defs.rewrite, model, rename("x", "longer_key"))
    assert encoded == (
        value_first + meta_graph_bytes(longer_key="a -> b") + tags + meta_graph_bytes(y="c -> d")
    )


def test_the_whole_map_has_the_signatures_of_tensorflow_too() -> None:
    model = MODEL + meta_graph_bytes(__saved_model_init_op="-> done")
    draft = draft_of(model)
    change = all_of(drop("a"), rename("zz", "a", inputs={"x": "z"}), rename("c", copy_of="a"))
    change(draft)
    encoded = rewritten(signature_defs.rewrite, model, change)
    whole = signature_defs.signature_defs_of(draft)
    assert whole == dict(protos.MetaGraphDef.FromString(encoded).signature_def)
    assert sorted(whole) == ["__saved_model_init_op", "a", "c", "predict"]
