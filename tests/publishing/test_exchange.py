"""In which order files are exchanged, and what cannot be; `test_checkpoint_killed` has the rest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure, PatchError, SigpbError, UsageError
from sigpb.publishing import changes as module
from sigpb.publishing.changes import Changes, SplicedFile, WholeFile
from sigpb.publishing.publish import publish_copy
from sigpb.saved_model.files import CHECKPOINT_INDEX
from sigpb.saved_model.sorted_table import write_table
from sigpb.wire.edits import SourceRange

from .directories import DATA, FINGERPRINT, MAIN, in_place, snapshot

FIRST, SECOND = (f"variables/variables.data-0000{number}-of-00002" for number in (0, 1))


def index_of(*keys: str) -> bytes:
    return write_table([(b"", b""), *((key.encode(), b"") for key in sorted(keys))])


@pytest.fixture
def model(model: Path) -> Path:
    (model / CHECKPOINT_INDEX).write_bytes(index_of("kernel"))
    return model


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    shard = tmp_path / "adapter" / "variables.data-00000-of-00001"
    shard.parent.mkdir()
    shard.write_bytes(b"values")
    return shard


@pytest.fixture
def grafted(model: Path, adapter: Path) -> Changes:
    return {
        MAIN: b"new proto",
        FINGERPRINT: b"new fingerprint",
        CHECKPOINT_INDEX: index_of("kernel", "scale"),
        FIRST: WholeFile(model / DATA),
        SECOND: WholeFile(adapter),
        DATA: None,
    }


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files, in the order in which they get these or lose them."""
    found: list[str] = []
    replace, unlink = Path.replace, Path.unlink

    def noted_replace(path: Path, target: Path) -> Path:
        found.append(target.name)
        return replace(path, target)

    def noted_unlink(path: Path, missing_ok: bool = False) -> None:
        if not path.name.startswith(".sigpb"):
            found.append(f"-{path.name}")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "replace", noted_replace)
    monkeypatch.setattr(Path, "unlink", noted_unlink)
    return found


def test_what_adds_variables_has_the_index_before_the_proto(
    model: Path, grafted: Changes, moved: list[str]
) -> None:
    in_place(model, grafted)
    added, index, proto, old = Path(FIRST).name, "variables.index", MAIN, f"-{Path(DATA).name}"
    assert moved[0] == f"-{FINGERPRINT}"
    assert moved.index(added) < moved.index(index) < moved.index(proto) < moved.index(old)
    assert moved.index(proto) < moved.index(FINGERPRINT)


def test_what_takes_variables_out_has_the_index_behind_the_proto(
    model: Path, moved: list[str]
) -> None:
    (model / CHECKPOINT_INDEX).write_bytes(index_of("kernel", "scale"))
    in_place(model, {MAIN: b"new proto", CHECKPOINT_INDEX: index_of("kernel")})
    assert moved == [MAIN, "variables.index"]


def test_a_first_checkpoint(model: Path, moved: list[str]) -> None:
    (model / CHECKPOINT_INDEX).unlink()
    moved.clear()
    backup = in_place(model, {MAIN: b"new proto", CHECKPOINT_INDEX: index_of("kernel")})
    assert moved == ["variables.index", MAIN]
    assert backup
    assert not (backup / CHECKPOINT_INDEX).exists()


def test_own_shards_get_other_names_and_their_data_stays(
    model: Path, adapter: Path, grafted: Changes
) -> None:
    (model / DATA).chmod(0o640)
    (model / MAIN).chmod(0o604)
    inode = (model / DATA).stat().st_ino
    backup = in_place(model, grafted)
    assert backup
    assert (model / FIRST).stat().st_ino == inode == (backup / DATA).stat().st_ino
    assert not (model / DATA).exists()
    assert (model / SECOND).read_bytes() == b"values"
    assert not (model / SECOND).samefile(adapter)
    # New files can be read by who can read the proto.
    modes = {name: stat.S_IMODE((model / name).stat().st_mode) for name in (FIRST, SECOND)}
    assert modes == {FIRST: 0o640, SECOND: 0o604}


@pytest.mark.parametrize(
    ("hardlink", "shared"), [(False, (False, False)), ("own", (True, False)), (True, (True, True))]
)
def test_a_copy_shares_what_it_is_asked_to(
    hardlink: bool,
    shared: tuple[bool, bool],
    model: Path,
    adapter: Path,
    output: Path,
    grafted: Changes,
) -> None:
    (model / DATA).chmod(0o640)
    publish_copy(model, output, grafted, hardlink=hardlink)
    links = ((output / FIRST).samefile(model / DATA), (output / SECOND).samefile(adapter))
    assert links == shared
    assert (output / FIRST).read_bytes() == (model / DATA).read_bytes()
    assert (output / SECOND).read_bytes() == b"values"
    assert stat.S_IMODE((output / FIRST).stat().st_mode) == 0o640
    assert not (output / DATA).exists()


def test_a_shard_that_is_a_link(model: Path, output: Path, grafted: Changes) -> None:
    (model / DATA).rename(model / "values")
    (model / DATA).symlink_to("../values")
    publish_copy(model, output, grafted, hardlink=True)
    backup = in_place(model, grafted)
    assert backup
    for copy in (output, model):
        assert not (copy / FIRST).is_symlink()
        assert (copy / FIRST).read_bytes() == (model / "values").read_bytes()
    assert (backup / DATA).is_symlink()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {MAIN: b"new", CHECKPOINT_INDEX: index_of("scale")},
            UsageError,
            r"takes variables out .*'kernel', and adds others, such as 'scale'.*--output_dir",
        ),
        ({MAIN: b"new", DATA: b"other values"}, EnvironmentFailure, "is there already"),
        ({MAIN: b"new", "assets/wörter-語.txt": b"other"}, EnvironmentFailure, "is there already"),
    ],
    ids=["other variables", "other values", "another asset"],
)
def test_what_loaders_would_find_half_done_is_refused(
    model: Path, output: Path, changes: Changes, error: type[SigpbError], message: str
) -> None:
    before = snapshot(model)
    with pytest.raises(error, match=message):
        in_place(model, changes)
    assert snapshot(model) == before
    publish_copy(model, output, changes)  # Nobody loads a copy before it is there.
    assert (output / MAIN).read_bytes() == b"new"


def test_a_shard_that_stays_what_it_is(model: Path) -> None:
    before = (model / DATA).read_bytes()
    in_place(model, {MAIN: b"new", DATA: WholeFile(model / DATA)})
    assert (model / DATA).read_bytes() == before


def test_variables_that_lie_elsewhere_are_not_touched(
    model: Path, tmp_path: Path, grafted: Changes
) -> None:
    (model / "variables").rename(tmp_path / "shared")
    (model / "variables").symlink_to(tmp_path / "shared")
    with pytest.raises(EnvironmentFailure, match="outside the model"):
        in_place(model, grafted)
    names = sorted(path.name for path in (tmp_path / "shared").iterdir())
    assert names == [Path(DATA).name, "variables.index"]


def test_no_proto_of_more_than_protobuf_can_read(
    model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PROTO_SIZE", 8)
    small, large = (
        SplicedFile((SourceRange(0, 4), new), model / MAIN) for new in (b"new", b"newer")
    )
    in_place(model, {MAIN: small, FINGERPRINT: b"what else there is does not count"})
    with pytest.raises(PatchError, match="would have 9 bytes, more than the 8 that protobuf"):
        in_place(model, {MAIN: large})
    with pytest.raises(PatchError, match="freeze: true"):
        publish_copy(model, output, {MAIN: large})
    assert not output.exists()
    assert (model / MAIN).read_bytes() == b"old new"
