"""Stores that tests look into, and set back, without requests."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest

from .proxy import Proxy, Requests
from .stores import fs

State = Mapping[str, bytes]
"""All objects of a store, by their names in its bucket."""

BUCKET = "bucket"

_OPERATIONS = ("find", "ls", "cat_file", "get_file", "put_file", "pipe_file", "cp_file", "rm_file")


@dataclass(frozen=True)
class Server:
    """A store with one bucket.

    Attributes:
        scheme: That of its URLs.
        requests: What is asked of it.
        environment: The variables by which clients find it.
        read: Returns what is in it.
        write: Replaces what is in it.
        pace: One of so many requests fails where not all do: some servers are slow.
    """

    scheme: str
    requests: Requests
    environment: Mapping[str, str]
    read: Callable[[], State]
    write: Callable[[State], None]
    pace: int = 1

    @property
    def url(self) -> str:
        """The URL of a repository."""
        return f"{self.scheme}://{BUCKET}/models"


@contextlib.contextmanager
def s3_server() -> Iterator[Server]:
    """Yields a server that speaks the API of S3."""
    pytest.importorskip("s3fs", reason="s3fs is missing")
    moto = pytest.importorskip("moto.server", reason="moto is missing")
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    keys = backend.create_bucket(BUCKET, "us-east-1").keys

    def read() -> State:
        return {name: key.value for name, key in list(keys.items())}

    def write(state: State) -> None:
        for name in list(keys):
            keys.pop(name)
        for name, data in state.items():
            backend.put_object(BUCKET, name, data)

    requests = Requests()
    host, port = running.get_host_and_port()
    with Proxy(f"{host}:{port}", requests) as proxy:
        environment = {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "a/very+secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{proxy.address}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        yield Server("s3", requests, environment, read, write, pace=3)
    running.stop()


@contextlib.contextmanager
def gcs_server() -> Iterator[Server]:
    """Yields a server that speaks the API of Google Cloud Storage."""
    pytest.importorskip("gcsfs", reason="gcsfs is missing")
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="the emulator is missing")
    running = emulator.create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    running.start()
    running._api._httpd.handle_error = lambda *request: None  # It would print a traceback.
    storage, objects = running._storage, emulator.objects
    storage._write_config_to_file = lambda: None  # A list of all objects, at each request.
    address = f"127.0.0.1:{running._api._httpd.socket.getsockname()[1]}"

    def read() -> State:
        names = list(storage.objects.get(BUCKET, {}))
        return {name: storage.get_file(BUCKET, name) for name in names}

    def write(state: State) -> None:
        storage.wipe(keep_buckets=True)
        for name, data in state.items():
            of = objects._make_object_resource("", BUCKET, name, "text/plain", str(len(data)))
            storage.create_file(BUCKET, name, data, objects._checksums(data, of))

    requests = Requests()
    with pytest.MonkeyPatch.context() as patch, Proxy(address, requests) as proxy:
        patch.setattr(objects, "_multipart_upload", _conditional(objects))
        environment = {
            "FSSPEC_GS_ENDPOINT_URL": f"http://{proxy.address}",
            "FSSPEC_GS_TOKEN": "anon",
            "FSSPEC_GS_PROJECT": "test",
        }
        yield Server("gs", requests, environment, read, write, pace=2)
    running.stop()


def _conditional(objects: Any) -> Callable[..., None]:
    """Returns uploading that makes no object anew if it is asked not to, as the real store does."""
    upload = objects._multipart_upload

    def conditional(request: Any, response: Any, storage: Any) -> None:
        names = storage.objects.get(request.params["bucket_name"], {})
        if (
            request.query.get("ifGenerationMatch") == ["0"]
            and request.data["meta"]["name"] in names
        ):
            response.status = HTTPStatus.PRECONDITION_FAILED
        else:
            upload(request, response, storage)

    return conditional


@contextlib.contextmanager
def memory_server() -> Iterator[Server]:
    """Yields the store in the memory of this process; operations of its client are its requests."""
    pytest.importorskip("fsspec", reason="fsspec, of the extra 'remote', is missing")
    files, requests, inside = fs("memory://"), Requests(), threading.local()

    def read() -> State:
        return {
            name.lstrip("/")[len(BUCKET) + 1 :]: f.getvalue() for name, f in files.store.items()
        }

    def write(state: State) -> None:
        files.store.clear()
        files.pseudo_dirs[:] = [""]
        for name, data in state.items():
            pipe(f"/{BUCKET}/{name}", data)

    def requested(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def operation(path: str, *arguments: Any, **options: Any) -> Any:
            if getattr(inside, "an_operation", False):  # One operation is made of others.
                return original(path, *arguments, **options)
            fault = requests.next(name, path)
            if fault in (None, "answer lost"):
                inside.an_operation = True
                try:
                    done = original(path, *arguments, **options)
                finally:
                    inside.an_operation = False
                if fault is None:
                    return done
            raise (PermissionError if fault == "403" else OSError)("token=hunter2 is no good")

        return operation

    pipe = files.pipe_file
    with pytest.MonkeyPatch.context() as patch:
        for name in _OPERATIONS:
            patch.setattr(files, name, requested(name, getattr(files, name)))
        yield Server("memory", requests, {}, read, write)
        write({})
