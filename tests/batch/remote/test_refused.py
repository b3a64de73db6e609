"""What is refused of URLs, and what is said of failures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.remote import store as stores
from sigpb.remote.store import reason_of, store_of
from sigpb.remote.urls import common_path, normalised, parent_of, parents_of, redacted
from tests.batch.repositories import RENAME, versions
from tests.cli.command_line import Outcome, run

from .servers import Server
from .stores import contents, fs, own_objects, upload

pytestmark = pytest.mark.stores

SECRETS = ("AKIAIOSFODNN7EXAMPLE", "hunter2", "very+secret", "a/very")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "patch.txtpb").write_text(RENAME)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def batch(*arguments: str) -> Outcome:
    return run("batch", *arguments, "--patch=patch.txtpb")


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAIOSFODNN7EXAMPLE:hunter2@bucket/models",
        "s3://AKIAIOSFODNN7EXAMPLE:a/very+secret@bucket/models",
        "s3://bucket/models?X-Amz-Signature=hunter2",
        "gs://bucket/models?token=hunter2",
    ],
)
@pytest.mark.parametrize("where", ["root", "output", "list", "config", "resume", "journal"])
def test_credentials_in_urls(url: str, where: str, home: Path) -> None:
    if where == "output":
        pytest.importorskip("fsspec", reason="fsspec, of the extra 'remote', is missing")
    (home / "list").write_text(url)
    (home / "config").write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{url}" }} }}'
    )
    arguments = {
        "root": [url, "--in_place"],
        "output": ["memory://a/b", f"--output_root={url}"],
        "list": ["--models_list=list", "--in_place"],
        "config": ["--models_config=config", "--in_place"],
        "resume": [url, "--resume"],
        "journal": [f"--journal={url}/j.jsonl", "--resume"],
    }[where]
    outcome = batch(*arguments)

    assert outcome.code == 2
    assert not any(secret in outcome.out + outcome.err for secret in SECRETS)
    assert sorted(path.name for path in home.iterdir()) == ["config", "list", "patch.txtpb"]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("s3://bucket/models/", "s3://bucket/models"),
        ("S3://bucket", "s3://bucket"),
        ("memory:///models", "memory://models"),
        ("hdfs://host:8020/models", "hdfs://host:8020/models"),
        ("abfs://container@account.dfs.core.windows.net/m", None),
        ("s3://bucket/a@b", None),
    ],
)
def test_urls(url: str, kept: str | None) -> None:
    assert normalised(url) == (kept or url)


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3:///models", "s3://b//m", "s3://b/../m", "s3://b/./m", "simplecache::s3://b/m"],
)
def test_malformed_urls(url: str) -> None:
    with pytest.raises(UsageError, match="not a URL of the form"):
        normalised(url)


def test_paths() -> None:
    assert parent_of("s3://b/a/1") == "s3://b/a"
    assert parent_of("s3://b") == "s3://b"
    assert parent_of("/a/1") == "/a"
    assert list(parents_of("s3://b/a/1")) == ["s3://b/a", "s3://b"]
    assert common_path({"s3://b/a/1", "s3://b/a2"}) == "s3://b"
    assert common_path({"/a/b", "/a/c"}) == "/a"


def test_refused_combinations(memory: str, model: Path, home: Path) -> None:
    root = upload(model, memory, "a/1")
    before = contents(root)
    for arguments, said in (
        ([root, f"--output_root={home}/out"], "sigpb copies no variables"),
        ([root, "--output_root=s3://bucket/out"], "sigpb copies no variables"),
        ([root, f"--output_root={root}/out"], "lies in"),
        ([root, "--in_place", "--journal=s3://bucket/journal"], "has to be a file of this machine"),
        ([root, "--in_place", "--report=s3://bucket/r.csv"], "has to be a file of this machine"),
        ([root, "--new_version", "--hardlink"], "no links"),
        ([root, str(home), "--in_place"], "several kinds of stores"),
        ([f"{root}/missing", "--in_place"], "there is no such directory"),
        ([f"file://{home}/missing", "--in_place"], "there is no such directory"),
        (["nosuch://a/b", "--in_place"], "no kind of store called 'nosuch'"),
        (["memory://elsewhere", "--resume"], "no journal of a batch on memory://elsewhere"),
    ):
        outcome = batch(*arguments)
        assert (outcome.code, outcome.out) == (2, ""), outcome
        assert said in outcome.err
    assert contents(root) == before
    assert run("rollback", "s3://bucket/journal").code == 2


def test_somebody_elses_version(memory: str, model: Path) -> None:
    # It is being written: its proto is not there yet.
    root = upload(model, memory, "a/1")
    fs(root).pipe_file(f"{root}/b/1/saved_model.pb", (model / "saved_model.pb").read_bytes())
    assert batch(root, "--new_version", "--dry_run", "--plan=plan.jsonl").code == 0
    fs(root).pipe_file(f"{root}/a/2/variables/variables.index", b"theirs")

    outcome = run("batch", "--apply_plan=plan.jsonl")

    assert outcome.code == 1
    assert f"{root}/a/2 is there already" in outcome.out
    found = contents(f"{root}/a/2")
    assert found == {"variables/variables.index": b"theirs"}


def test_second_batch_is_refused_and_a_killed_one_goes_on(
    memory: str, model: Path, home: Path
) -> None:
    root = upload(model, memory, *versions(("a", "b")))
    fs(root).pipe_file(f"{root}/c/1/saved_model.pb", b"broken")
    assert batch(root, "--in_place").code == 1
    journal = home / "sigpb.batch.0001.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    identity = json.loads(lines[0])["job"]["id"]
    # As if it had been killed: the last line is missing, and the lock is there.
    journal.write_text("".join(lines[:-1]))
    fs(root).pipe_file(
        f"{root}/.sigpb-batch-lock",
        b'{"batch": "%s", "host": "h", "pid": 1, "time": "t"}' % identity.encode(),
    )
    fs(root).pipe_file(f"{root}/c/1/saved_model.pb", (model / "saved_model.pb").read_bytes())

    second = batch(root, "--in_place", "--journal=other.jsonl")
    assert second.code == 4
    assert "another batch is at work there" in second.err
    assert not (home / "other.jsonl").exists()

    resumed = run("batch", root, "--resume")
    assert resumed.code == 0, resumed
    assert f"patched    {root}/c/1" in resumed.out
    assert run("rollback", "sigpb.batch.0001.jsonl", "--only=a/*").code == 0
    assert not any(name.endswith("lock") for name in own_objects(root))


@pytest.mark.parametrize(
    "text",
    [
        "denied for s3://me:hunter2@bucket/x",
        "https://host/path?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE&X-Amz-Signature=hunter2",
        "Authorization: Bearer hunter2",
        "{'access_token': 'hunter2', \"client_secret\": \"hunter2\"}",
        "the key AKIAIOSFODNN7EXAMPLE does not exist",
        "aws_secret_access_key=hunter2",
    ],
)
def test_redacted(text: str) -> None:
    assert not any(secret in redacted(text) for secret in SECRETS), redacted(text)
    assert not any(secret in reason_of(ValueError(text)) for secret in SECRETS)


def test_plain_text_stays() -> None:
    text = "Could not read s3://bucket/models/a/1/saved_model.pb: Access Denied."
    assert redacted(text) == text


def test_failures_of_s3_are_reduced_to_their_reason(
    s3: str, s3_store: Server, model: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    root = upload(model, s3, "a/1")
    monkeypatch.setattr(stores, "_WAITS", ())
    s3_store.requests.reset(lambda number: "503" if number > 8 else None)

    outcome = batch(root, "--in_place", "--report=report.jsonl")

    written = "".join(path.read_text() for path in home.iterdir() if path.is_file())
    said = outcome.out + outcome.err + written
    assert "Try later" in said
    assert not any(secret in said for secret in SECRETS)
    assert outcome.code in (1, 4)


def test_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    stores._store_at.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(EnvironmentFailure, match=r"pip install fsspec"):
            store_of("memory://a")
    pytest.importorskip("fsspec", reason="fsspec, of the extra 'remote', is missing")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "ocifs", None)
        with pytest.raises(EnvironmentFailure, match=r"needs another package: .*ocifs"):
            store_of("oci://bucket/a")
