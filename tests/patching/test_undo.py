"""Taking patches back: the files are what they were, or nothing is changed and it says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.patching import side_files
from sigpb.patching.patch_file import parse_text
from sigpb.regular_files import is_there
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.history import FILE_NAME
from tests.patches import MAIN, ModelFactory, altered, contents
from tests.publishing.directories import killed_half_way

REPOSITORY = Path(__file__).parents[2]
FIXTURES = sorted(
    path.parent.name for path in REPOSITORY.glob("proto_fixtures/*/saved_model.pbtxt")
)

RENAME = 'signature { key: "serving_default" input { key: "x" rename_to: "image" } }'
AGAIN = 'signature { key: "serving_default" input { key: "image" rename_to: "pixels" } }'
SWAP = """signature {
    key: "serving_default"
    output { key: "p" rename_to: "s" }
    output { key: "s" rename_to: "p" }
}"""
CAST = 'signature { key: "serving_default" input { key: "x" rename_to: "a" dtype: "float64" } }'
LOSSY = 'signature { key: "serving_default" input { key: "x" dtype: "uint8" } }'
DROP = """signature {
    key: "serving_default"
    input { key: "x" rename_to: "image" }
    output { key: "s" drop: true }
}"""
DELETE = 'signature { key: "other" drop: true }'


def patch(model: Path, text: str, **options: Any) -> sigpb.PatchResult:
    result = sigpb.patch(model, parse_text(text), in_place=True, **options)
    assert result.status == "patched"
    return result


def refusals(model: Path) -> str:
    before = contents(model)
    with pytest.raises(sigpb.PatchError) as caught:
        sigpb.undo(model)
    assert contents(model) == before
    return str(caught.value)


def rename_all(model: Path) -> str:
    """A patch that renames each endpoint of a signature, so that they sort anew."""
    with sigpb.open(model) as opened:
        graph = opened.meta_graphs[0]
        if not graph.user_signatures:
            return 'set_tags { tag: "other" }'
        key = "serving_default"
        key = key if key in graph.user_signatures else graph.user_signatures[0]
        signature = graph.signatures[key]
        item = protos.SignaturePatch(key=key)
        for ends, infos in ((item.input, signature.inputs), (item.output, signature.outputs)):
            for number, end in enumerate(sorted(infos, reverse=True)):
                ends.add(key=end, rename_to=f"new_{number}")
        made = protos.SavedModelPatch(signature=[item])
        made.tags.tag.extend(graph.tags)
        return str(made)


@pytest.mark.parametrize("name", FIXTURES)
def test_every_byte_comes_back_from_the_backup(fixture_model: ModelFactory, name: str) -> None:
    model = fixture_model(name)
    before = contents(model)
    patch(model, rename_all(model))
    result = sigpb.undo(model)
    assert contents(model) == before
    assert (result.status, result.plan) == ("undone", None)
    assert result.backup == model / ".sigpb-backup-0001"
    assert MAIN in result.files


def test_a_text_proto_and_the_words_for_it(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup", as_text=True)
    before = contents(model)
    patch(model, LOSSY)
    result = sigpb.undo(model)
    assert contents(model) == before
    assert result.lines == (
        "MetaGraph {serve}",
        "  signature 'serving_default'",
        "    input 'x': uint8 [?,3] → float32 [?,3]",
    )


@pytest.mark.parametrize("text", [RENAME, CAST, SWAP], ids=["rename", "conversion", "swap"])
def test_the_inverse_without_a_backup(fixture_model: ModelFactory, text: str) -> None:
    model = fixture_model("tf2_linear")
    altered(model, lambda graph: None)
    before = contents(model)
    patch(model, text, backup=False)
    result = sigpb.undo(model)
    after = contents(model)
    # TensorFlow computes no checksum of a fingerprint that it does not write.
    assert after.keys() == before.keys()
    assert after[MAIN] == before[MAIN]
    assert result.plan is not None
    assert result.backup is None
    assert sigpb.undo(model).status == "unchanged"


def test_warm_up_requests_follow_the_inverse(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    before = contents(model)
    patch(model, CAST, backup=False)
    assert contents(model)[WARMUP_PATH] != before[WARMUP_PATH]
    assert sigpb.undo(model).notes == ("warm-up requests: 2 rewritten",)
    assert contents(model)[WARMUP_PATH] == before[WARMUP_PATH]


def test_a_copy(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model, copy = fixture_model("tf2_linear"), tmp_path / "copy"
    altered(model, lambda graph: None)
    sigpb.patch(model, parse_text(RENAME), output_dir=copy)
    sigpb.undo(copy)
    assert (copy / MAIN).read_bytes() == (model / MAIN).read_bytes()
    assert not (copy / FILE_NAME).exists()


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)], ids=str)
def test_twice_takes_back_two_patches(
    fixture_model: ModelFactory, first: bool, second: bool
) -> None:
    model = fixture_model("tf2_linear")
    altered(model, lambda graph: None)
    before = contents(model)
    patch(model, CAST, backup=first)
    between = contents(model)
    patch(model, AGAIN.replace("image", "a"), backup=second)

    sigpb.undo(model)
    assert contents(model)[MAIN] == between[MAIN]
    assert contents(model) == between or not second
    assert sigpb.patch(model, parse_text(CAST), dry_run=True).status == "unchanged"
    sigpb.undo(model)
    assert contents(model)[MAIN] == before[MAIN]
    assert contents(model) == before or not first


@pytest.mark.parametrize("first", [True, False], ids=["backup", "inverse"])
def test_what_came_between_two_patches_is_not_taken_back(
    fixture_model: ModelFactory, first: bool
) -> None:
    model = fixture_model("tf2_linear")
    patch(model, RENAME, backup=first)
    change_the_proto(model)
    between = contents(model)
    patch(model, AGAIN, backup=False)
    sigpb.undo(model)
    assert contents(model)[MAIN] == between[MAIN]
    assert contents(model)[FILE_NAME] == between[FILE_NAME]
    assert "is not as the last recorded patch left it" in refusals(model)


@pytest.mark.parametrize("is_between", [True, False], ids=["between", "after"])
def test_requests_that_came_between_or_after_two_patches_stay(
    fixture_model: ModelFactory, is_between: bool
) -> None:
    model = fixture_model("tf2_warmup")
    requests = model / WARMUP_PATH
    twice = requests.read_bytes() * 2
    patch(model, RENAME)
    if is_between:
        requests.write_bytes(requests.read_bytes() * 2)
    patch(model, AGAIN, backup=False)
    if not is_between:
        requests.write_bytes(requests.read_bytes() * 2)
    sigpb.undo(model)
    assert sigpb.undo(model).backup is None
    assert requests.read_bytes() == twice


def test_a_fingerprint_that_came_after_the_patch(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    fingerprint = model / "fingerprint.pb"
    content = fingerprint.read_bytes()
    fingerprint.unlink()
    patch(model, RENAME)
    fingerprint.write_bytes(content)
    assert sigpb.undo(model).files == ("fingerprint.pb", MAIN, FILE_NAME)
    fingerprint.unlink()
    patch(model, DELETE)
    fingerprint.write_bytes(content)
    assert "fingerprint.pb was changed after the last patch" in refusals(model)


def test_a_fingerprint_that_only_the_later_patch_changed(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch(model, DELETE, fingerprint="keep")
    patch(model, RENAME, backup=False)
    sigpb.undo(model)
    told = refusals(model)
    assert "fingerprint.pb was changed after the last patch" in told
    assert f"'cp -r {model}/.sigpb-backup-0001/. {model}/' puts it back." in told


@pytest.mark.parametrize("backup", [True, False], ids=["backup", "inverse"])
def test_twice_is_once_as_before(fixture_model: ModelFactory, backup: bool) -> None:
    model = fixture_model("tf2_linear")
    patch(model, SWAP)
    patch(model, RENAME, backup=backup)
    sigpb.undo(model)
    # A swap looks like its own result, so only the record tells that it was done.
    assert sigpb.patch(model, parse_text(SWAP), dry_run=True).status == "unchanged"
    # What was taken back can be done again, and taken back again.
    patch(model, RENAME)
    assert sigpb.undo(model).status == "undone"


def test_dry_run_and_what_is_recorded(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch(model, f'id: "rename-x" reason: "clients say image" {RENAME}')
    before = contents(model)
    result = sigpb.undo(model, dry_run=True)
    assert contents(model) == before
    assert result.status == "undone"
    assert result.files == ("fingerprint.pb", MAIN, FILE_NAME)
    assert (result.record["patch_id"], result.record["reason"]) == ("rename-x", "clients say image")


def test_nothing_is_recorded(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    before = contents(model)
    assert sigpb.undo(model).status == "unchanged"
    assert contents(model) == before


def test_what_a_killed_patch_began_is_all_that_is_taken_back(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch(model, RENAME)
    before = contents(model)
    killed_half_way(lambda: patch(model, AGAIN))
    half = contents(model)
    assert half[MAIN] != before[MAIN]
    assert sigpb.undo(model, dry_run=True).notes == (
        "a process was killed while it changed the model: what it began is taken back, and nothing "
        "else",
    )
    assert contents(model) == half
    assert sigpb.undo(model).backup is None
    assert contents(model) == before


def test_an_undo_that_was_killed_is_done_again(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    altered(model, lambda graph: None)
    before = contents(model)
    patch(model, RENAME, backup=False)
    killed_half_way(lambda: sigpb.undo(model))
    assert sigpb.undo(model, dry_run=True).notes == (
        "a process was killed while it took the last patch back: that is done again",
    )
    assert sigpb.undo(model).plan is not None
    assert contents(model)[MAIN] == before[MAIN]


def test_a_proto_that_is_a_link(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / "blobs").mkdir()
    for name in (MAIN, "fingerprint.pb"):
        (model / name).rename(model / "blobs" / name)
        (model / name).symlink_to(f"blobs/{name}")
    before = contents(model)
    patch(model, RENAME, fingerprint="drop")
    assert not is_there(model / "fingerprint.pb")
    sigpb.undo(model)
    assert contents(model) == before
    assert (model / MAIN).is_symlink()
    assert (model / "fingerprint.pb").is_symlink()


def change_the_proto(model: Path) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tensorflow_version = "2.99"

    altered(model, change)


def change_requests(model: Path) -> None:
    (model / WARMUP_PATH).write_bytes(b"")


def remove_requests(model: Path) -> None:
    (model / WARMUP_PATH).unlink()


def lose_the_backup(model: Path) -> None:
    (model / ".sigpb-backup-0001" / MAIN).unlink()


def change_the_backup(model: Path) -> None:
    altered(model / ".sigpb-backup-0001", lambda graph: graph.signature_def.clear())


def change_requests_in_the_backup(model: Path) -> None:
    (model / ".sigpb-backup-0001" / WARMUP_PATH).write_bytes(b"")


def add_to_the_record_in_the_backup(model: Path) -> None:
    (model / ".sigpb-backup-0001" / FILE_NAME).write_bytes(b"{}\n")


def in_record(**values: object) -> Callable[[Path], None]:
    """Changes what the record says of the last patch."""

    def change(model: Path) -> None:
        *earlier, last = (model / FILE_NAME).read_text().splitlines()
        changed = json.dumps({**json.loads(last), **values})
        (model / FILE_NAME).write_text("\n".join([*earlier, changed, ""]))

    return change


def lose_the_record(model: Path) -> None:
    (model / FILE_NAME).unlink()


def damage_the_record(model: Path) -> None:
    with (model / FILE_NAME).open("ab") as file:
        file.write(b'{"time": "20')


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (change_the_proto, "saved_model.pb is not as the last recorded patch left it."),
        (change_requests, f"{WARMUP_PATH} was changed after the last patch, so "),
        (remove_requests, f"{WARMUP_PATH} was changed after the last patch, so "),
        (lose_the_backup, "there is no backup of the last patch, and no patch undoes it."),
        (change_the_backup, "there is no backup of the last patch, and no patch undoes it."),
        (change_requests_in_the_backup, "there is no backup of the last patch"),
        (add_to_the_record_in_the_backup, "there is no backup of the last patch"),
        (lose_the_record, f"no record ({FILE_NAME}) says what left .sigpb-backup-0001"),
        (damage_the_record, "does not say how to undo its patch"),
        (in_record(side_files=None), "does not say how to undo its patch"),
        (in_record(side_files={WARMUP_PATH: [None]}), "does not say how to undo its patch"),
        *(
            (in_record(side_files={name: [None, None]}), "does not say how to undo its patch")
            for name in ("other", "assets/../other", "/assets/x")
        ),
        (in_record(output_bytes="7"), "does not say how to undo its patch"),
        (in_record(signatures_digest="7"), "is not as the last recorded patch left it"),
    ],
)
def test_refused(fixture_model: ModelFactory, harm: Callable[[Path], None], said: str) -> None:
    model = fixture_model("tf2_warmup")
    patch(model, DROP)
    harm(model)
    assert said in refusals(model)


def test_refusals_say_why_and_what_to_do(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    patch(model, LOSSY)
    digest = json.loads((model / FILE_NAME).read_text())["input_digest"]
    lose_the_backup(model)
    assert refusals(model).splitlines() == [
        f"{model}: there is no backup of the last patch, and no patch undoes it. Take the model "
        f"that the patch was applied to (sha256:{digest}).",
        "signature 'serving_default': input 'x' would not be what it was: float32 → uint8 loses "
        "something (truncates toward zero; values out of range are undefined).",
    ]
    change_the_proto(model)
    assert refusals(model) == (
        f"{model}/saved_model.pb is not as the last recorded patch left it. Something that leaves "
        "no record changed it, and taking the patch back would undo that too. 'sigpb diff "
        f"{model} {model}/.sigpb-backup-0001' shows what the newest backup would change; 'cp -r "
        f"{model}/.sigpb-backup-0001/. {model}/' puts it back."
    )


@pytest.mark.parametrize(
    ("undo", "said"),
    [
        ("signature {", "the patch that undoes it is refused"),
        (RENAME, "does not restore the model's signatures"),
        ("", "does not restore the model's signatures"),
        (AGAIN, "does not restore the model's signatures"),
    ],
)
def test_an_inverse_that_is_none_is_refused(
    fixture_model: ModelFactory, undo: str, said: str
) -> None:
    model = fixture_model("tf2_linear")
    patch(model, RENAME, backup=False)
    in_record(undo=undo)(model)
    assert said in refusals(model)


def test_an_inverse_that_does_nothing_is_refused(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch(model, SWAP, backup=False)  # After it, the types are what they were.
    in_record(undo="")(model)
    assert "does not restore the model's signatures" in refusals(model)


def test_a_backup_that_was_put_back_already_is_no_patch(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch(model, RENAME)
    shutil.copytree(model / ".sigpb-backup-0001", model / "kept")
    sigpb.undo(model)
    (model / "kept").rename(model / ".sigpb-backup-0001")
    assert sigpb.undo(model).status == "unchanged"


def test_a_changed_side_file_follows_the_inverse(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    patch(model, RENAME)
    remove_requests(model)
    result = sigpb.undo(model)
    assert result.plan is not None
    assert not (model / WARMUP_PATH).exists()


def test_what_the_inverse_cannot_bring_back_is_said(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch(model, RENAME, backup=False, fingerprint="drop")
    assert sigpb.undo(model).notes == (
        "fingerprint.pb does not come back: the patch removed it, and there is no backup of the "
        "last patch",
    )


def test_what_is_gone_for_good_comes_back_from_a_backup_only(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    before = contents(model)
    patch(model, DELETE)
    sigpb.undo(model)
    assert contents(model) == before
    patch(model, DELETE, backup=False)
    assert "signature 'other' is deleted for good." in refusals(model)


def test_a_proto_that_is_too_large_for_a_digest(
    fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_files, "_DIGEST_LIMIT", 0)
    model = fixture_model("tf2_linear")
    before = contents(model)
    patch(model, RENAME)
    kept = model / ".sigpb-backup-0001" / MAIN
    whole = kept.read_bytes()
    kept.write_bytes(whole + b"\0")
    assert sigpb.undo(model, dry_run=True).backup is None
    kept.write_bytes(whole)
    result = sigpb.undo(model)
    assert contents(model) == before
    (note,) = result.notes
    assert note.startswith("the proto is too large for a digest")
