from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.edits import SignatureTarget
from sigpb.patching.patch_file import parse_text
from sigpb.patching.resolve import is_copied, resolve
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Message

Renames = dict[str, str | None]


def pending(*keys: str) -> dict[str, str]:
    return {key: key for key in keys}


@pytest.mark.parametrize(
    ("renames", "existing", "current"),
    [
        ({}, "a b", {}),
        ({"a": "b"}, "a", pending("a")),
        ({"a": "b"}, "b", {"a": "b"}),
        ({"a": "a"}, "a", pending("a")),
        ({"a": None}, "a b", pending("a")),
        ({"a": "b", "b": "a"}, "a b", pending("a", "b")),
        ({"a": "b", "b": "c"}, "a b", pending("a", "b")),
        ({"a": "b", "b": "c"}, "b c", {"a": "b", "b": "c"}),
        ({"b": "c", "a": "b"}, "c b x", {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c", "c": "a"}, "a b c", pending("a", "b", "c")),
        ({"a": "b", "b": None}, "b", {"a": "b"}),
        ({"a": "b", "x": "y"}, "b x", {"a": "b", "x": "x"}),
        ({"a": "b"}, "a b", pending("a")),
        ({"a": "", "b": "c"}, "b", {"b": "b"}),
    ],
    ids=[
        "nothing",
        "a rename",
        "a rename that was done",
        "a key that stays",
        "a key that is only named",
        "a swap",
        "a chain",
        "a chain that was done",
        "a chain that was done, in another order",
        "a cycle",
        "a rename that was done onto a dropped key",
        "one that was done and one that was not",
        "a rename onto a key that exists",
        "an unknown key beside a known one",
    ],
)
def test_where_keys_are(renames: Renames, existing: str, current: dict[str, str]) -> None:
    resolution = resolve(renames, existing.split())
    assert resolution.current == current


@pytest.mark.parametrize(
    ("renames", "existing", "missing"),
    [
        ({"a": "b"}, "c", ("a",)),
        ({"a": None}, "b", ("a",)),
        ({"a": "b", "b": "c"}, "a", ("b",)),
        ({"a": "b", "b": "c"}, "c", ("a", "b")),
        ({"a": "b", "b": "a"}, "b", ("a",)),
        ({"x": "y", "a": "b"}, "y", ("a",)),
    ],
    ids=[
        "neither old nor new",
        "only named",
        "the end of a chain",
        "a chain of which a part is gone",
        "half a swap",
        "one of two",
    ],
)
def test_what_is_missing(renames: Renames, existing: str, missing: tuple[str, ...]) -> None:
    assert sorted(resolve(renames, existing.split()).missing) == sorted(missing)


@st.composite
def cases(draw: st.DrawFn) -> tuple[set[str], Renames, set[str]]:
    """Keys, renames and drops of some of them, and the keys that are there afterwards."""
    staying = draw(st.sets(st.sampled_from("abcdefgh"), max_size=7))
    others = sorted(set("abcdefgh") - staying)
    sources, targets = draw(st.permutations(others)), draw(st.permutations(others))
    count = draw(st.integers(0, len(others)))
    dropped = sources[count : draw(st.integers(count, len(others)))]
    renames: Renames = {
        **dict(zip(sources[:count], targets, strict=False)),
        **dict.fromkeys(dropped),
    }
    return staying | set(renames), renames, staying | set(targets[:count])


@given(cases())
def test_all_is_pending_where_the_model_is_as_it_was(
    case: tuple[set[str], Renames, set[str]],
) -> None:
    keys, renames, _ = case
    resolution = resolve(renames, keys)
    assert resolution.current == {key: key for key in renames}
    assert resolution.missing == ()


@given(cases())
def test_all_is_done_where_the_renames_were_made_but_for_permutations(
    case: tuple[set[str], Renames, set[str]],
) -> None:
    _, renames, after = case
    resolution = resolve(renames, after)
    renamed = {key: target for key, target in renames.items() if target is not None}
    in_cycle = {key for key in renamed if reaches_itself(key, renamed)}
    for key, target in renamed.items():
        assert resolution.current[key] == (key if key in in_cycle else target)
    assert set(resolution.missing) <= set(renames) - set(renamed)


def reaches_itself(key: str, renames: dict[str, str]) -> bool:
    target = renames[key]
    while target in renames and target != key:
        target = renames[target]
    return target == key


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
