from __future__ import annotations

from sigpb.rewrite.interface import SignatureRef

from .drafts import all_of, draft_of, drop, meta_graph_bytes, rename

MODEL = meta_graph_bytes(predict="x, b -> y", other="x -> y", __saved_model_init_op="-> done")


def test_starts_as_the_model_is() -> None:
    draft = draft_of(MODEL)
    assert list(draft.signatures) == [SignatureRef("other"), SignatureRef("predict")]
    predict = draft.signature(SignatureRef("predict"))
    assert (predict.key, predict.method_name, predict.dropped) == ("predict", "", False)
    ports = [*predict.inputs.values(), *predict.endpoints("output").values()]
    assert [(port.source, port.key, port.tensors) for port in ports] == [
        ("b", "b", ("b:0",)),
        ("x", "x", ("x:0",)),
        ("y", "y", ("y:0",)),
    ]
    assert not any(signature.changed for signature in draft.signatures.values())


def test_knows_what_changes() -> None:
    draft = draft_of(MODEL)
    all_of(rename("other", "second"), rename("predict", inputs={"x": "b", "b": "x"}))(draft)
    other, predict = (draft.signature(SignatureRef(key)) for key in ("other", "predict"))
    assert other.changed
    assert not other.endpoints_changed
    assert predict.changed
    assert predict.endpoints_changed
    assert predict.keys("input") == ["x", "b"]
    assert not predict.outputs["y"].changed


def test_what_is_dropped_has_no_key() -> None:
    draft = draft_of(MODEL)
    all_of(drop("other"), drop("predict", output="y"))(draft)
    assert [signature.key for signature in draft.kept()] == ["predict"]
    assert draft.signature(SignatureRef("predict")).keys("output") == []
    assert draft.signature(SignatureRef("predict")).endpoints_changed


def test_a_copy_comes_into_being_by_asking_for_it() -> None:
    draft = draft_of(MODEL)
    copy = SignatureRef("legacy", copy_of="predict")
    assert copy.source == "predict"
    assert draft.signature(copy) is draft.signature(copy)
    assert draft.signature(copy).keys("input") == ["b", "x"]
    assert draft.signature(copy).changed
    assert not draft.signature(SignatureRef("predict")).changed
