"""Stores in this process and on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batch.repositories import ModelFactory
from tests.conftest import REPOSITORY

from .proxy import Proxy
from .stores import MODEL


@pytest.fixture
def model(fixture_model: ModelFactory) -> Path:
    """A model with all the files that a patch may change."""
    found = fixture_model(MODEL)
    shutil.copy(REPOSITORY / "proto_fixtures" / "tf2_linear" / "fingerprint.pb", found)
    return found


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of an empty repository in the memory of this process."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec, of the extra 'remote', is missing")
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    yield "memory://bucket/models"
    files.store.clear()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an S3 server."""
    pytest.importorskip("s3fs", reason="s3fs is missing")
    server = pytest.importorskip("moto.server", reason="moto is missing")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"{host}:{port}"
    running.stop()


@pytest.fixture
def proxy(moto: str) -> Iterator[Proxy]:
    """What all requests to the S3 server go through."""
    with Proxy(moto) as running:
        yield running


@pytest.fixture
def s3(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty repository on S3."""
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "a/very+secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{proxy.address}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for url in _fresh(s3fs.S3FileSystem, "s3://bucket/models"):
        yield url
        proxy.reset()


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[str]:
    """The address of a server that speaks the API of Google Cloud Storage."""
    # Else gcsfs asks by gRPC what kind of bucket it is, which the emulator does not know.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        yield from _gcs_server()


def _gcs_server() -> Iterator[str]:
    pytest.importorskip("gcsfs", reason="gcsfs is missing")
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="the emulator is missing")
    server = emulator.create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    server._api._httpd.handle_error = lambda *request: None  # It would print a traceback.
    port = server._api._httpd.socket.getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def gcs(gcs_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty repository on Google Cloud Storage."""
    import fsspec
    import gcsfs

    options = {"endpoint_url": gcs_server, "token": "anon", "project": "test"}
    monkeypatch.setitem(fsspec.config.conf, "gs", options)
    for name, value in options.items():
        monkeypatch.setenv(f"FSSPEC_GS_{name.upper()}", value)
    yield from _fresh(gcsfs.GCSFileSystem, "gs://bucket/models")


def _fresh(kind: Any, url: str) -> Iterator[str]:
    import fsspec

    from sigpb.remote import store

    kind.clear_instance_cache()
    store._store_at.cache_clear()
    files = fsspec.core.url_to_fs(url, use_listings_cache=False)[0]
    files.mkdir("bucket")
    yield url
    for name in files.find("bucket"):
        files.rm_file(name)
    files.rmdir("bucket")
    kind.clear_instance_cache()
    store._store_at.cache_clear()
