from __future__ import annotations

import json
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.saved_model import history

ModelSignatures = list[tuple[list[str], dict[str, protos.SignatureDef]]]


def signatures(**tensors: str) -> ModelSignatures:
    """One MetaGraph with one signature, whose inputs are the given keys and tensors."""
    signature = protos.SignatureDef()
    for key, tensor in tensors.items():
        signature.inputs[key].name = tensor
    return [(["serve"], {"serving_default": signature})]


def renaming(old: str, new: str, **fields: str) -> protos.SavedModelPatch:
    patch = protos.SavedModelPatch(**fields)  # type: ignore[arg-type]
    patch.signature.add(key="serving_default").input.add(key=old, rename_to=new)
    return patch


SWAPPED = signatures(x="a:0", b="b:0")
SWAP = renaming("x", "b")


def record(directory: Path, patch: protos.SavedModelPatch, after: ModelSignatures) -> None:
    content = history.with_record(directory, patch, history.left_by(after, "out", 7), {})
    (directory / history.FILE_NAME).write_bytes(content)


def test_nothing_was_applied_to_a_model_without_a_record(tmp_path: Path) -> None:
    assert not history.was_applied(tmp_path, SWAP, SWAPPED)


def test_patch_that_was_applied(tmp_path: Path) -> None:
    record(tmp_path, SWAP, SWAPPED)
    assert history.was_applied(tmp_path, SWAP, SWAPPED)
    assert not history.was_applied(tmp_path, renaming("x", "c"), SWAPPED)
    assert not history.was_applied(tmp_path, protos.SavedModelPatch(), SWAPPED)


def test_a_reason_does_not_make_another_patch_but_an_id_does(tmp_path: Path) -> None:
    record(tmp_path, SWAP, SWAPPED)
    assert history.was_applied(tmp_path, renaming("x", "b", reason="b"), SWAPPED)
    assert not history.was_applied(tmp_path, renaming("x", "b", id="undo"), SWAPPED)


def test_patch_counts_as_applied_only_while_the_signatures_are_as_it_left_them(
    tmp_path: Path,
) -> None:
    record(tmp_path, SWAP, SWAPPED)
    (_, signature_defs), *_ = SWAPPED
    for others in (
        signatures(x="b:0", b="a:0"),
        signatures(x="a:0"),
        [(["serve", "gpu"], signature_defs)],
        [(["serve"], {"predict": signature_defs["serving_default"]})],
        [*SWAPPED, *SWAPPED],
        [],
    ):
        assert not history.was_applied(tmp_path, SWAP, others)


def test_only_the_last_patch_counts(tmp_path: Path) -> None:
    record(tmp_path, SWAP, SWAPPED)
    record(tmp_path, renaming("b", "c"), SWAPPED)
    assert not history.was_applied(tmp_path, SWAP, SWAPPED)
    assert history.was_applied(tmp_path, renaming("b", "c"), SWAPPED)


def test_digest_does_not_depend_on_the_order_of_tags_and_maps() -> None:
    (_, signature_defs), *_ = signatures(x="a:0", b="b:0")
    (_, reordered), *_ = signatures(b="b:0", x="a:0")
    assert history.signatures_digest([(["gpu", "serve"], signature_defs)]) == (
        history.signatures_digest([(["serve", "gpu"], reordered)])
    )


def test_records_are_lines_of_json_and_earlier_ones_stay(tmp_path: Path) -> None:
    record(tmp_path, renaming("x", "y", id="first", reason="größer"), SWAPPED)
    before = (tmp_path / history.FILE_NAME).read_bytes()
    record(tmp_path, renaming("y", "z", id="second"), SWAPPED)

    after = (tmp_path / history.FILE_NAME).read_bytes()

    assert after.startswith(before)
    first, second = map(json.loads, after.splitlines())
    assert (
        first.keys()
        == second.keys()
        == {
            *("time", "sigpb", "patch_id", "reason", "patch_digest", "signatures_digest"),
            *("output_digest", "output_bytes"),
        }
    )
    assert (first["patch_id"], first["reason"]) == ("first", "größer")
    assert (second["patch_id"], second["sigpb"]) == ("second", sigpb.__version__)
    assert first["time"].endswith("Z")


def test_asking_writes_nothing(tmp_path: Path) -> None:
    history.was_applied(tmp_path, SWAP, SWAPPED)
    history.with_record(tmp_path, SWAP, history.left_by(SWAPPED, None, 7), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damaged",
    [
        b"not json\n",
        b"[]\n",
        b"3\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"\n",
        b'{"patch_dig',
        b'{"patch_digest": []}',
    ],
)
def test_damaged_record_is_kept_and_tells_nothing(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / history.FILE_NAME).write_bytes(damaged)
    assert not history.was_applied(tmp_path, SWAP, SWAPPED)

    record(tmp_path, SWAP, SWAPPED)

    assert (tmp_path / history.FILE_NAME).read_bytes().startswith(damaged)
    assert history.was_applied(tmp_path, SWAP, SWAPPED)
