from __future__ import annotations

from sigpb import protos
from sigpb.rewrite import metadata
from tests.patches import ModelFactory, apply, only_graph

from .drafts import Change, all_of, drop, rename, rewritten, signature_def

TENSOR_INFO = "type.googleapis.com/tensorflow.TensorInfo"


def names_of(names: str) -> protos.CollectionDef:
    made = protos.CollectionDef()
    made.bytes_list.value.extend(name.encode() for name in names.split())
    return made


def infos_of(*tensors: str, type_url: str = TENSOR_INFO) -> protos.CollectionDef:
    made = protos.CollectionDef()
    made.any_list.SetInParent()
    for tensor in tensors:
        info = protos.TensorInfo(name=tensor)
        made.any_list.value.add(type_url=type_url, value=info.SerializeToString())
    return made


def after(change: Change, names: str, tensors: list[str], outline: str) -> str:
    """The names of a collection after a change of a signature whose tensors are ``<key>:0``."""
    model = protos.MetaGraphDef(
        signature_def={"eval": signature_def(outline)},
        collection_def={
            "group/key": names_of(names),
            "group/node": infos_of(*tensors),
        },
    ).SerializeToString(deterministic=True)
    encoded = rewritten(metadata.rewrite_collections, model, change)
    result = protos.MetaGraphDef.FromString(encoded)
    infos = result.collection_def["group/node"].any_list.value
    assert [protos.TensorInfo.FromString(info.value).name for info in infos] == tensors
    return " ".join(name.decode() for name in result.collection_def["group/key"].bytes_list.value)


def test_names_follow_the_keys_of_their_tensors() -> None:
    change = rename("eval", inputs={"x": "a", "y": "x"}, outputs={"p": "q"})
    assert after(change, "y x p", ["y:0", "x:0", "p:0"], "x, y, z -> p") == "x a q"


def test_a_prefix_that_the_collection_leaves_out() -> None:
    change = rename("eval", inputs={"features/x": "features/image", "features/y": "label"})
    names = after(
        change,
        "$Bytes$y $Bytes$x",
        ["features/y:0", "features/x:0"],
        "features/x, features/y -> p",
    )
    assert names == "$Bytes$label $Bytes$image"


def test_a_prefix_comes_back_with_the_key() -> None:
    change = rename("eval", inputs={"label": "group/y", "group/x": "group/z"})
    names = after(change, "label group/x", ["label:0", "group/x:0"], "label, group/x -> p")
    assert names == "y group/z"


def test_the_whole_key_with_the_mark_of_bytes() -> None:
    change = rename("eval", inputs={"x": "image"})
    assert (
        after(change, "$Bytes$x $Bytes$z", ["x:0", "z:0"], "x, z -> p") == "$Bytes$image $Bytes$z"
    )


def test_a_name_of_its_own_stays() -> None:
    change = rename("eval", inputs={"labels": "truth"})
    assert after(change, "$Bytes$__labels", ["labels:0"], "labels -> p") == "$Bytes$__labels"


def test_a_name_stays_if_its_tensor_is_another() -> None:
    change = rename("eval", inputs={"x": "image"})
    assert after(change, "x", ["other:0"], "x -> p") == "x"


def test_two_keys_of_one_tensor() -> None:
    """Each name follows the key that it repeats."""
    model = protos.MetaGraphDef(
        signature_def={"eval": signature_def("x -> p"), "serve": signature_def("image -> p")},
        collection_def={
            "group/key": names_of("x image"),
            "group/node": infos_of("x:0", "x:0"),
        },
    )
    model.signature_def["serve"].inputs["image"].name = "x:0"
    change = all_of(rename("serve", inputs={"image": "img"}), rename("eval", inputs={"x": "first"}))
    encoded = rewritten(
        metadata.rewrite_collections, model.SerializeToString(deterministic=True), change
    )
    result = protos.MetaGraphDef.FromString(encoded)
    assert list(result.collection_def["group/key"].bytes_list.value) == [b"first", b"img"]


def test_what_is_dropped_or_copied_changes_no_name() -> None:
    change = all_of(
        drop("eval", output="p"),
        rename("copy", copy_of="eval", inputs={"x": "a"}),
        rename("eval", "predict"),
    )
    assert after(change, "x p", ["x:0", "p:0"], "x -> p, q") == "x p"


def test_other_collections_stay() -> None:
    """Only a list of names beside a list of as many TensorInfos is taken for a copy of keys."""
    model = protos.MetaGraphDef(
        signature_def={"eval": signature_def("x -> p")},
        collection_def={
            "alone/key": names_of("x"),
            "short/key": names_of("x"),
            "short/node": infos_of(),
            "other/key": names_of("x"),
            "other/node": infos_of("x:0", type_url="type.googleapis.com/tensorflow.Other"),
            "variables": names_of("x"),
            "ref": infos_of("x:0"),
        },
    ).SerializeToString(deterministic=True)
    assert (
        rewritten(metadata.rewrite_collections, model, rename("eval", inputs={"x": "a"})) == model
    )


def test_no_change() -> None:
    model = protos.MetaGraphDef(
        signature_def={"eval": signature_def("x -> p")},
        collection_def={
            "g/key": names_of("x"),
            "g/node": infos_of("x:0"),
        },
    ).SerializeToString(deterministic=True)
    assert rewritten(metadata.rewrite_collections, model, rename("eval", "predict")) == model


def names_in(graph: protos.MetaGraphDef, group: str) -> list[bytes]:
    return list(graph.collection_def[f"evaluation_only/label_graph/{group}/key"].bytes_list.value)


def test_an_eval_saved_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_eval")
    before = only_graph(model)
    result = apply(
        model,
        """
        signature {
            key: "eval"
            input { key: "features/x" rename_to: "features/y" }
            input { key: "features/y" rename_to: "features/x" }
            input { key: "features/label" rename_to: "features/truth" }
        }
        """,
    )
    assert names_in(before, "features") == [b"$Bytes$y", b"$Bytes$label", b"$Bytes$x"]
    assert names_in(result, "features") == [b"$Bytes$x", b"$Bytes$truth", b"$Bytes$y"]
    assert names_in(result, "labels") == names_in(before, "labels") == [b"$Bytes$__labels"]


def test_a_shared_placeholder(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_shared")
    result = apply(
        model,
        """
        signature { key: "serving_default" input { key: "x" rename_to: "image" } }
        signature { key: "regress" input { key: "inputs" rename_to: "y" } }
        """,
    )
    assert names_in(result, "features") == [b"$Bytes$y", b"$Bytes$image"]
