"""Commands that read models, given URLs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import sigpb
from sigpb.errors import EnvironmentFailure, ModelUnreadable
from sigpb.remote import store as stores
from sigpb.remote.at_hand import at_hand
from sigpb.remote.stored_file import StoredFile
from sigpb.remote.urls import located
from sigpb.saved_model.model import open_model
from tests.cli.command_line import Outcome, run
from tests.patches import contents as files_of

from .servers import Server
from .stores import each_store, fs, upload

pytestmark = pytest.mark.stores

VARIABLES = "variables/variables.data-00000-of-00001"


def agrees(here: Outcome, there: Outcome, model: Path, url: str) -> bool:
    """Whether a command says of a model in a store what it says of the one on this machine."""
    return (there.code, there.out) == (here.code, here.out.replace(str(model), url))


COMMANDS = (
    ["show", "{}"],
    ["show", "{}", "--format=json"],
    ["show", "{}/saved_model.pb"],
    ["show", "{}", "--history"],
    ["dump", "{}", "signature_def[serving_default]"],
    ["graph", "{}", "--signature=serving_default"],
    ["trace", "{}", "x"],
    ["size", "{}", "--format=json"],
    ["size", "{}"],
    ["wire", "{}", "--depth=1"],
    ["wire", "{}", "--depth=1", "--format=json"],
    ["grep", "^x$", "{}"],
    ["lint", "{}"],
    ["infer", "{}", "{}"],
)


@each_store
def test_commands_say_of_a_url_what_they_say_of_a_directory(
    server: Server, model: Path, temporary: Path
) -> None:
    url = f"{upload(model, server.url, 'a/1')}/a/1"
    server.requests.reset()
    for command in COMMANDS if server.scheme == "memory" else COMMANDS[:1] + COMMANDS[-2:-1]:
        here, there = (run(*(each.format(path) for each in command)) for path in (model, url))
        assert agrees(here, there, model, url), (command, here, there)
        assert there.err == ""
    assert list(temporary.iterdir()) == []
    methods = {method for method, path in server.requests.seen}
    assert methods <= {"GET", "HEAD", "find", "get_file"}
    assert not [path for _, path in server.requests.seen if ".data-" in path]


def test_variables_stay_in_the_store(memory: str, model: Path, temporary: Path) -> None:
    (model / VARIABLES).write_bytes(b"v" * 1000)
    url = f"{upload(model, memory, 'a/1')}/a/1"

    with at_hand(url) as found:
        assert (found.path / "saved_model.pb").read_bytes() == fs(url).cat_file(
            f"{url}/saved_model.pb"
        )
        assert (found.path / VARIABLES).read_bytes() == bytes(1000)
        assert found.left.keys() == {VARIABLES}
    with at_hand(url, whole=True) as found:
        assert (found.path / VARIABLES).read_bytes() == b"v" * 1000
        assert not found.left
        files = [path for path in model.rglob("*") if path.is_file()]
        assert found.fetched == (len(files), sum(path.stat().st_size for path in files))
    assert list(temporary.iterdir()) == []


def test_a_model_that_is_run_is_fetched_whole(memory: str, model: Path) -> None:
    url, files = f"{upload(model, memory, 'a/1')}/a/1", files_of(model).values()
    outcome = run("run", url)
    assert outcome.code == 2
    assert (
        outcome.err == f"sigpb: fetched {url}: {len(files)} files, {sum(map(len, files)):,} bytes\n"
    )
    assert f"sigpb run {url} --signature=serving_default" in outcome.out


def test_models_below_are_not_fetched_whole(memory: str, model: Path, temporary: Path) -> None:
    root = upload(model, memory, "a/1", "a/2")
    with at_hand(root, whole=True) as found:
        assert not found.fetched[0]
    outcome = run("verify", root, f"{root}/a/1")
    assert outcome.code == 3
    assert f"{root}: holds no saved_model.pb. It holds models in: a/1, a/2." in outcome.err


def test_lint_sees_files_that_stay_in_the_store(memory: str, model: Path) -> None:
    url = f"{upload(model, memory, 'a/1')}/a/1"
    assert "  checkpoint: " not in run("lint", url).out
    fs(url).pipe_file(f"{url}/{VARIABLES}", b"short")
    assert f"checkpoint: {VARIABLES}: It has 5 bytes" in run("lint", url).out
    fs(url).rm_file(f"{url}/{VARIABLES}")
    assert f"checkpoint: {VARIABLES}: The index names this file" in run("lint", url).out


def test_directories_above_models(memory: str, model: Path) -> None:
    upload(model, memory, "a/1", "a/2", "b/1/.sigpb-backup-0001", "a/2/inner")

    for command in (["lint", "--format=json"], ["grep", "^x$", "--format=json"]):
        name, *flags = command
        found = run(name, *flags[:-1], memory, flags[-1]).json
        assert [each["model"] for each in found["models"]] == [f"{memory}/a/1", f"{memory}/a/2"]
    dumped = run("dump", f"{memory}/a")
    assert dumped.code == 3
    assert f"{memory}/a: holds no saved_model.pb. It holds models in: 1, 2. Name" in dumped.err
    assert run("lint", f"{memory}/b").code == 3


def test_models_below_are_shown_as_far_as_they_are_small(
    memory: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = upload(model, memory, "a/1", "a/2", "b/1")
    shown = run("show", root)
    assert shown.code == 0
    assert shown.out.startswith(f"{root}: not a SavedModel. Models below it: 3\n")
    assert shown.out.count("{serve} 'classify', 'regress', 'serving_default'") == 3
    assert f"sigpb show {root}/b/1" in shown.out
    monkeypatch.setattr(
        "sigpb.remote.at_hand._MOST_BYTES", 2 * (model / "saved_model.pb").stat().st_size
    )
    shown = run("show", root)
    assert shown.out.count("{serve}") == 2
    assert "  b/1  not fetched; 'sigpb show' of it shows it\n" in shown.out


def test_functions_of_python_name_the_url(memory: str, model: Path) -> None:
    url = f"{upload(model, memory, 'a/1')}/a/1"
    summary = sigpb.show(url)
    assert summary.model == summary.to_json()["model"] == url
    assert str(summary).startswith(f"{url}: saved_model.pb")
    assert sigpb.trace(url, "x").file == f"{url}/saved_model.pb"
    assert [*sigpb.lint(url).models] == [url]
    assert sigpb.diff(url, model).before == url
    assert str(sigpb.graph(url, signature="serving_default")) == str(
        sigpb.graph(model, signature="serving_default")
    )
    with pytest.raises(ModelUnreadable) as raised:
        sigpb.show(f"{memory}/nothing")
    assert raised.value.path == f"{memory}/nothing"


class TestDiff:
    def test_what_a_store_does_not_know_is_not_the_same(self, memory: str, model: Path) -> None:
        root = upload(model, memory, "a/1", "a/2")

        outcome = run("diff", f"{root}/a/1", f"{root}/a/2")

        assert outcome.code == 4
        assert outcome.out.startswith("the same, but for what was not compared\n")
        assert f"not compared: '{VARIABLES}'" in outcome.out
        as_json = run("diff", f"{root}/a/1", model, "--format=json").json
        assert (as_json["before"], as_json["after"]) == (f"{root}/a/1", str(model))
        assert (as_json["same"], as_json["not_compared"]) == (True, [VARIABLES])
        compat = run("diff", f"{root}/a/1", model, "--compat")
        assert (compat.code, f"'{VARIABLES}' may differ" in compat.out) == (0, True)

    @pytest.mark.parametrize("kind", ["s3", "gcs"])
    def test_stores_that_know(self, kind: str, request: pytest.FixtureRequest, model: Path) -> None:
        root = upload(model, request.getfixturevalue(kind), "a/1", "a/2")
        assert run("diff", f"{root}/a/1", f"{root}/a/2") == Outcome(0, "the same\n", "")

    def test_other_sizes_differ(self, memory: str, model: Path) -> None:
        root = upload(model, memory, "a/1")
        with (model / VARIABLES).open("ab") as file:
            file.write(b"more")
        (model / "assets.extra" / "notes").write_text("new")
        size = (model / VARIABLES).stat().st_size

        outcome = run("diff", f"{root}/a/1", model)

        assert outcome.code == 1
        assert f"{VARIABLES}: {size - 4:,} bytes → " in outcome.out
        assert "assets.extra/notes: added" in outcome.out
        assert "not compared" not in outcome.out


def test_which_digests_tell_of_the_content() -> None:
    def stored(size: int = 1, **version: str) -> StoredFile:
        return StoredFile.of({"size": size, **version})

    md5 = '"d41d8cd98f00b204e9800998ecf8427e"'
    assert stored(ETag=md5).has_content_of(stored(ETag=md5, LastModified="now"))
    assert stored(md5Hash="a", etag="b").has_content_of(stored(md5Hash="a", etag="c"))
    assert not stored(ETag=md5).has_content_of(stored(2, ETag=md5))
    assert not stored(etag="CKih16GjycICEAE=").has_content_of(stored(etag="CKih16GjycICEAE="))
    assert not stored(updated="now").has_content_of(stored(updated="now"))


def test_salvage(memory: str, model: Path, tmp_path: Path) -> None:
    url = f"{upload(model, memory, 'a/1')}/a/1"
    outcome = run("salvage", url, tmp_path / "saved")
    assert outcome.code == 0
    assert outcome.out.startswith(f"{url}/saved_model.pb: ")
    assert (tmp_path / "saved" / "saved_model.pb").read_bytes() == (
        model / "saved_model.pb"
    ).read_bytes()


def test_a_file_of_a_store(memory: str, model: Path, tmp_path: Path) -> None:
    graph = run("dump", model, "graph_def", "--full").out
    (tmp_path / "graph.pbtxt").write_text(graph.partition("\n")[2])
    fs(memory).pipe_file(f"{memory}/graph.pbtxt", (tmp_path / "graph.pbtxt").read_bytes())
    for command in (["show"], ["size", "--format=json"], ["lint"]):
        here, there = (
            run(*command, path) for path in (tmp_path / "graph.pbtxt", f"{memory}/graph.pbtxt")
        )
        assert agrees(here, there, tmp_path / "graph.pbtxt", f"{memory}/graph.pbtxt")


def test_errors_name_a_url_once(memory: str) -> None:
    fs(memory).pipe_file(f"{memory}/graph.pb", b"\n\x05\n\x01x\x12\x00")  # A MetaGraphDef.
    assert run("show", f"{memory}/graph.pb").err.count(f"{memory}/graph.pb") == 1


def test_what_is_written_about_a_model_names_its_url(
    memory: str, model: Path, tmp_path: Path
) -> None:
    url = f"{upload(model, memory, 'a/1')}/a/1"
    assert run("size", url, "--format=html", f"--output={tmp_path / 'size.html'}").code == 0
    text = (tmp_path / "size.html").read_text()
    assert f"{url}/saved_model.pb" in text
    assert "sigpb-" not in text


def test_a_url_with_quotes_in_json(memory: str, model: Path) -> None:
    url = f'{upload(model, memory, "a/1")}/a/"1\\2"'
    upload(model, memory, 'a/"1\\2"')
    assert run("show", url, "--format=json").json["model"] == url


class TestErrors:
    def test_nothing_there(self, memory: str, s3: str) -> None:
        for command in (["show"], ["lint"], ["grep", "x"], ["wire"], ["diff", memory]):
            outcome = run(*command, f"{memory}/nothing")
            assert outcome.code == 3
            assert "there is no such directory or file" in outcome.err
        missing = run("show", "s3://elsewhere/models/1")
        assert missing.code == 3
        assert "there is no bucket s3://elsewhere" in missing.err
        assert "no such directory or file" in run("show", f"{s3}/nothing").err

    def test_damage_names_the_url(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        fs(url).pipe_file(f"{url}/saved_model.pb", b"\x12\x0a")
        for command in (["show"], ["lint"], ["dump"], ["diff", url]):
            outcome = run(*command, url)
            assert outcome.code == 3
            assert f"{url}/saved_model.pb: " in outcome.err
            assert "/sigpb-" not in outcome.err

    @pytest.mark.parametrize("server", ["s3", "gcs"], indirect=True)
    def test_denied(self, server: Server, impatient: None, model: Path) -> None:
        url = f"{upload(model, server.url, 'a/1')}/a/1"
        server.requests.reset(lambda number: "403")
        outcome = run("show", url)
        assert outcome.code == 4
        assert outcome.err.startswith(f"sigpb: Could not list {url}: ")

    def test_no_credentials(self, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
        fs(s3).clear_instance_cache()
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        outcome = run("show", f"{s3}/a/1")
        fs(s3).clear_instance_cache()
        assert outcome.code == 4
        assert "Unable to locate credentials. Give credentials" in outcome.err

    def test_missing_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("fsspec", reason="fsspec, of the extra 'remote', is missing")
        stores._store_at.cache_clear()
        monkeypatch.setitem(sys.modules, "adlfs", None)
        outcome = run("show", "abfs://container/m/1")
        assert outcome.code == 4
        assert outcome.err.endswith("Run: pip install fsspec adlfs\n")
        monkeypatch.setitem(sys.modules, "fsspec", None)
        outcome = run("lint", "gs://bucket/m/1")
        assert outcome.code == 4
        assert outcome.err.endswith("Run: pip install fsspec gcsfs\n")

    @pytest.mark.parametrize(
        "arguments",
        [
            ("size", "{}", "--output=s3://key:hunter2@b/o"),
            ("graph", "{}", "--output=s3://b/o"),
            ("plan", "{}", "--out=s3://b/o"),
            ("lint", "{}", "--policy=s3://b/o"),
            ("patch", "{}", "--patch=s3://b/o", "--dry_run"),
            ("verify", "{}", "{}", "--samples=s3://b/o"),
            ("salvage", "{}", "s3://b/o"),
            ("apply", "s3://b/o", "--dry_run"),
        ],
    )
    def test_only_models_may_be_in_a_store(self, arguments: tuple[str, ...], model: Path) -> None:
        outcome = run(*(each.format(model) for each in arguments))
        assert outcome.code == 2
        assert "this machine" in outcome.err
        assert "hunter2" not in outcome.err

    def test_credentials_in_urls(self) -> None:
        outcome = run("show", "s3://key:hunter2@bucket/m/1")
        assert outcome.code == 2
        assert "hunter2" not in outcome.err

    def test_objects_that_lead_out_of_the_model(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        files = fs(url)
        files.store[f"{url.removeprefix('memory:/')}/../../evil"] = files.store[
            f"{url.removeprefix('memory:/')}/saved_model.pb"
        ]
        with pytest.raises(EnvironmentFailure, match="leads somewhere else"), at_hand(url):
            pass

    def test_objects_below_objects(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        fs(url).store[f"{url.removeprefix('memory:/')}/fingerprint.pb/more"] = fs(url).store[
            f"{url.removeprefix('memory:/')}/saved_model.pb"
        ]
        outcome = run("show", url)
        assert outcome.code == 4
        assert "'fingerprint.pb/more', which cannot be a file of a model" in outcome.err

    def test_fixing(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        outcome = run("lint", url, "--fix")
        assert outcome.code == 2
        assert "--fix mends models of this machine only" in outcome.err


def test_located(tmp_path: Path) -> None:
    assert located("s3://b/m/") == "s3://b/m"
    assert located("models/1") == Path("models/1")
    assert located(f"file://{tmp_path}/m") == tmp_path / "m"
    assert located(tmp_path) == tmp_path
    with pytest.raises(ModelUnreadable, match="give it as text"):
        open_model(Path("s3://bucket/m"))


def test_files_of_this_machine_need_no_store(model: Path) -> None:
    assert run("show", f"file://{model}").out == run("show", model).out
    with at_hand(model) as found:
        assert (found.path, found.name, found.left) == (model, model, {})


def test_nothing_at_a_url_is_unreadable(memory: str) -> None:
    with pytest.raises(ModelUnreadable), at_hand(f"{memory}/nothing"):
        pass
