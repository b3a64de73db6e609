"""Stores in this process and on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigpb.remote import store as stores
from tests.batch.repositories import ModelFactory
from tests.conftest import REPOSITORY

from .servers import Server, gcs_server, memory_server, s3_server
from .stores import MODEL

# Else gcsfs asks by gRPC what kind of bucket it is, which the emulator does not know.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"


@pytest.fixture
def model(fixture_model: ModelFactory) -> Path:
    """A model with all the files that a patch may change."""
    found = fixture_model(MODEL)
    shutil.copy(REPOSITORY / "proto_fixtures" / "tf2_linear" / "fingerprint.pb", found)
    return found


@pytest.fixture(scope="session")
def memory_store() -> Iterator[Server]:
    with memory_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_store() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def gcs_store() -> Iterator[Server]:
    with gcs_server() as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A store that is empty; its kind is the parameter."""
    found: Server = request.getfixturevalue(f"{request.param}_store")
    yield from _empty(found, monkeypatch)


@pytest.fixture
def impatient(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has clients give up at once."""
    monkeypatch.setattr(stores, "_WAITS", ())
    if server.environment:
        import aiohttp.client

        monkeypatch.setattr(aiohttp.client, "IDEMPOTENT_METHODS", frozenset())
    if server.scheme == "s3":
        import s3fs.core

        monkeypatch.setattr(s3fs.core, "S3_RETRYABLE_ERRORS", ())
    if server.scheme == "gs":
        import gcsfs.retry

        monkeypatch.setattr(gcsfs.retry, "is_retriable", lambda error: False)
        monkeypatch.setattr(gcsfs.retry.logger, "disabled", True)


@pytest.fixture
def memory(memory_store: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty repository in the memory of this process."""
    for server in _empty(memory_store, monkeypatch):
        yield server.url


@pytest.fixture
def s3(s3_store: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty repository on S3."""
    for server in _empty(s3_store, monkeypatch):
        yield server.url


@pytest.fixture
def gcs(gcs_store: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty repository on Google Cloud Storage."""
    for server in _empty(gcs_store, monkeypatch):
        yield server.url


def _empty(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    import fsspec

    stores._store_at.cache_clear()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as patch:
        patch.setattr(fsspec.config, "conf", {})
        fsspec.config.set_conf_env(fsspec.config.conf)
        server.requests.reset()
        server.write({})
        yield server
        server.requests.reset()
        server.write({})
