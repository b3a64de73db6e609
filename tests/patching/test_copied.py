from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.edits import SignatureTarget
from sigpb.patching.copied import is_copied
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite.draft import SignatureRef
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Message

RENAME_X = 'input { key: "x" rename_to: "a" }'
CHAIN = 'input { key: "x" rename_to: "b" } input { key: "b" rename_to: "c" }'
SWAP = 'input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" }'
REPLACE = 'output { key: "p" rename_to: "s" } output { key: "s" drop: true }'


def signature(endpoints: str) -> protos.SignatureDef:
    """Makes a signature from inputs and outputs such as ``a=x b=b -> p=p``, keys and tensors."""
    made = protos.SignatureDef(method_name="predict")
    for side, infos in zip(endpoints.split("->"), (made.inputs, made.outputs), strict=True):
        for key, tensor in (pair.split("=") for pair in side.split()):
            infos[key].name = tensor
    return made


def copied(original: str, copy: str, patch: str, patch_of_original: str) -> bool:
    model = protos.MetaGraphDef(
        signature_def={"original": signature(original), "copy": signature(copy)}
    )
    wanted, changes = parse_text(
        f"""
        signature {{ key: "copy" copy_of: "original" {patch} }}
        signature {{ key: "original" {patch_of_original} }}
        """
    ).signature
    meta_graph = MetaGraph(Message.root(model.SerializeToString()))
    ref = SignatureRef("copy", copy_of="original")
    return is_copied(SignatureTarget(meta_graph, ref, wanted), changes)


@pytest.mark.parametrize(
    ("original", "copy", "patch", "patch_of_original"),
    [
        ("x=x b=b -> p=p", "x=x b=b -> p=p", "", ""),
        ("x=x b=b -> p=p", "a=x b=b -> p=p", RENAME_X, ""),
        ("x=x b=b -> p=p", "b=x x=b -> p=p", SWAP, ""),
        ("x=x -> p=p s=s", "x=x -> s=s", 'output { key: "p" drop: true }', ""),
        ("x=x -> p=p s=s", "x=x -> s=p", REPLACE, ""),
        ("x=x -> p=p", "x=x -> p=p", 'method_name: "predict"', ""),
        ("a=x b=b -> p=p", "x=x b=b -> p=p", "", RENAME_X),
        ("a=x b=b -> p=p", "a=x b=b -> p=p", RENAME_X, RENAME_X),
        ("b=x c=b -> p=p", "x=x b=b -> p=p", "", CHAIN),
    ],
    ids=[
        "as it is",
        "renamed",
        "swapped",
        "without an output",
        "renamed onto a dropped output",
        "the same method",
        "of one that was renamed",
        "of one that was renamed likewise",
        "of one whose keys moved on",
    ],
)
def test_is_there(original: str, copy: str, patch: str, patch_of_original: str) -> None:
    assert copied(original, copy, patch, patch_of_original)


@pytest.mark.parametrize(
    ("original", "copy", "patch", "patch_of_original"),
    [
        ("x=x b=b -> p=p", "x=other b=b -> p=p", "", ""),
        ("x=x b=b -> p=p", "x=b b=x -> p=p", "", ""),
        ("x=x b=b -> p=p", "x=x b=b -> p=p", SWAP, ""),
        ("x=x b=b -> p=p", "x=x b=b -> p=p", RENAME_X, ""),
        ("x=x b=b -> p=p", "x=x b=b -> p=p", 'input { key: "typo" rename_to: "a" }', ""),
        ("x=x -> p=p s=s", "x=x -> s=s", "", ""),
        ("x=x -> p=p", "x=x -> p=p", 'method_name: ""', ""),
        ("a=x b=b -> p=p", "a=x b=b -> p=p", "", RENAME_X),
    ],
    ids=[
        "another tensor",
        "other keys",
        "not swapped",
        "not renamed",
        "unknown key",
        "an output less",
        "another method",
        "of one that was renamed",
    ],
)
def test_is_not_there(original: str, copy: str, patch: str, patch_of_original: str) -> None:
    assert not copied(original, copy, patch, patch_of_original)
