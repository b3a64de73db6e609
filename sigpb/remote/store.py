"""What is asked of a store of objects, in few and whole requests.

Everything that goes wrong comes out as one of three errors, without credentials in its text.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import logging
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sigpb import phases
from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.remote.stored_file import StoredFile
from sigpb.remote.urls import CREDENTIALS, is_in_process, redacted, scheme_of, store_url
from sigpb.saved_model.files import sha256_of

_Result = TypeVar("_Result")

# For a store in this process, whose files have one position for all who read them.
_ONE_AT_A_TIME = threading.RLock()

# s3fs and gcsfs try again several times by themselves; this is for other stores, and for what the
# two give up too soon. Seconds to wait.
_WAITS = (0.3,)

_TRANSIENT = {
    *(errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ETIMEDOUT),
    *(errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE),
    getattr(errno, "EREMOTEIO", errno.EIO),
}

_LOGGERS = ("asyncio", "botocore", "aiobotocore", "fsspec", "gcsfs", "google", "s3fs")

_REASON_LENGTH = 300


class StoreFailure(EnvironmentFailure):
    """A store did not do what was asked of it."""


class StoreDenied(StoreFailure):
    """A store does not allow what was asked of it."""


def store_of(url: str) -> Store:
    """Returns the store that a URL leads to.

    Raises:
        UsageError: If there is no such kind of store.
        EnvironmentFailure: If a package for it is missing, or it cannot be reached.
    """
    return _store_at(store_url(url))


@functools.lru_cache(maxsize=64)
def _store_at(url: str) -> Store:
    scheme = scheme_of(url)
    try:
        import fsspec
    except ImportError as error:
        raise EnvironmentFailure(f"{url} needs fsspec. {_advice(scheme)}") from error
    for name in _LOGGERS:  # What they have to say comes as errors; nobody asked for tracebacks.
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fs, _ = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        advice = _advice(scheme)
        raise EnvironmentFailure(f"{scheme}:// needs another package: {error}. {advice}") from error
    except Exception as error:
        if scheme not in fsspec.available_protocols():
            raise UsageError(f"{url}: there is no kind of store called {scheme!r}.") from None
        raise StoreFailure(f"{scheme}:// cannot be used: {reason_of(error)}.") from None
    return Store(fs, _ONE_AT_A_TIME if is_in_process(url) else contextlib.nullcontext())


# The packages through which fsspec reaches the stores that are used most.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "adl", "az"), "adlfs"),
}


def _advice(scheme: str) -> str:
    return f"Run: pip install fsspec {_PACKAGES.get(scheme, '')}".rstrip()


class Store:
    """A store of objects. All paths are URLs.

    Args:
        fs: The file system of fsspec.
        guard: Held during a request, where the store itself cannot have several at a time.
    """

    def __init__(self, fs: Any, guard: contextlib.AbstractContextManager[Any]) -> None:
        self._fs = fs
        self._guard = guard

    def files(self, url: str) -> dict[str, StoredFile]:
        """Returns all objects below a path, by their paths relative to it; there may be none.

        Raises:
            StoreFailure: If it cannot be listed.
        """
        try:
            found = self._request(f"list {url}", lambda path: self._fs.find(path, detail=True), url)
        except FileNotFoundError:
            return {}
        prefix = self._path(url) + "/"
        return {
            name[len(prefix) :]: StoredFile.of(info)
            for name, info in found.items()
            if name.startswith(prefix) and info["type"] == "file" and not name.endswith("/")
        }

    def file(self, url: str) -> StoredFile | None:
        """Returns an object; None if there is none of just this path.

        Raises:
            StoreFailure: If it cannot be found out.
        """
        try:
            info = self._request(f"look for {url}", lambda path: self._fs.info(path), url)
        except FileNotFoundError:
            return None
        return StoredFile.of(info) if info["type"] == "file" else None

    def exists(self, url: str) -> bool:
        """Whether there is an object, a directory or a bucket.

        Raises:
            StoreFailure: If it cannot be found out.
        """
        return bool(self._request(f"look for {url}", lambda path: self._fs.exists(path), url))

    def names(self, url: str) -> list[str]:
        """Returns the names of what lies directly in a directory.

        Raises:
            StoreFailure: If it cannot be listed.
        """
        try:
            found = self._request(f"list {url}", lambda path: self._fs.ls(path, detail=False), url)
        except FileNotFoundError:
            return []
        return [name.rstrip("/").rpartition("/")[2] for name in found]

    def read(self, url: str) -> bytes | None:
        """Returns what a small object holds; None if there is none.

        Raises:
            StoreFailure: If it cannot be read.
        """
        try:
            return bytes(self._request(f"read {url}", lambda path: self._fs.cat_file(path), url))
        except FileNotFoundError:
            return None

    def read_range(self, url: str, start: int, end: int) -> bytes:
        """Returns some bytes of an object.

        Raises:
            FileNotFoundError: If there is none.
            StoreFailure: If it cannot be read.
        """

        def read(path: str) -> bytes:
            return bytes(self._fs.cat_file(path, start=start, end=end))

        return self._request(f"read {url}", read, url)

    def fetch(self, url: str, target: Path) -> None:
        """Copies an object to a file of this machine, whose directory is there.

        Raises:
            FileNotFoundError: If there is none.
            StoreFailure: If it cannot be read.
        """
        self._request(f"read {url}", lambda path: self._fs.get_file(path, str(target)), url)

    def digest(self, url: str) -> str | None:
        """Returns the SHA-256 of an object; None if there is none.

        Raises:
            StoreFailure: If it cannot be read.
        """
        with tempfile.TemporaryDirectory(prefix="sigpb-") as directory:
            file = Path(directory, "object")
            try:
                self.fetch(url, file)
            except FileNotFoundError:
                return None
            return sha256_of(file)

    def put(self, url: str, content: bytes | Path) -> None:
        """Makes an object, or replaces one, in one step.

        Args:
            url: Where.
            content: What, or the file that holds it.

        Raises:
            StoreFailure: If that failed. The object may have been made nevertheless.
        """
        self._put(url, content, {})

    def create(self, url: str, content: bytes | Path) -> None:
        """Makes an object where there is none.

        A store that cannot make sure of that by itself is asked first whether there is one.

        Raises:
            FileExistsError: If there is another one.
            StoreFailure: If that failed. The object may have been made nevertheless.
        """
        try:
            try:
                self._put(url, content, {"mode": "create"})
            except _NotSupportedError:
                if self.exists(url):
                    raise FileExistsError(url) from None
                self._put(url, content, {})
        except FileExistsError:
            # An attempt whose answer was lost may have made it.
            if self.digest(url) != _digest(content):
                raise

    def copy(self, source: str, target: str) -> None:
        """Has the store copy an object, in one step.

        Raises:
            StoreFailure: If that failed.
        """
        try:
            self._request(f"copy {source}", self._fs.cp_file, source, target)
        except (FileNotFoundError, _NotSupportedError) as error:
            raise StoreFailure(
                f"Could not copy {source} to {target}: {reason_of(error)}."
            ) from None

    def remove(self, url: str) -> None:
        """Removes an object, if there is one.

        Raises:
            StoreFailure: If that failed.
        """
        with contextlib.suppress(FileNotFoundError):
            self._request(f"remove {url}", lambda path: self._fs.rm_file(path), url)

    def _put(self, url: str, content: bytes | Path, options: dict[str, str]) -> None:
        def put(path: str) -> None:
            if isinstance(content, bytes):
                self._fs.pipe_file(path, content, **options)
            else:
                self._fs.put_file(str(content), path, **options)

        try:
            self._request(f"write {url}", put, url)
        except FileNotFoundError as error:
            raise StoreFailure(f"Could not write {url}: {reason_of(error)}.") from None

    def _request(self, attempt: str, call: Callable[..., _Result], *urls: str) -> _Result:
        waits = iter(_WAITS)
        paths = [self._path(url) for url in urls]
        while True:
            try:
                started = time.perf_counter()
                with self._guard:
                    done = call(*paths)
                took = time.perf_counter() - started
                phases.detail(f"{attempt}, in the store: {took * 1000:.1f} ms")
                return done
            except (FileNotFoundError, FileExistsError):
                raise
            except Exception as error:
                if _is_unsupported(error):
                    raise _NotSupportedError(f"Could not {attempt}: {reason_of(error)}.") from None
                wait = next(waits, None) if _is_transient(error) else None
                if wait is None:
                    kind = StoreDenied if _is_denied(error) else StoreFailure
                    advice = f" {CREDENTIALS}" if _lacks_credentials(error) else ""
                    raise kind(f"Could not {attempt}: {reason_of(error)}.{advice}") from None
            time.sleep(wait)

    def _path(self, url: str) -> str:
        return str(self._fs._strip_protocol(url))


class _NotSupportedError(StoreFailure):
    """The store has no such operation."""


def reason_of(error: Exception) -> str:
    """Returns the reason that an error of a store states, without what may be credentials."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = redacted(lines[0] if lines else type(error).__name__)
    return reason[:_REASON_LENGTH].rstrip(".")


def _is_transient(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _TRANSIENT
    return isinstance(error, (ConnectionError, TimeoutError))


def _is_denied(error: Exception) -> bool:
    # s3fs raises the first, gcsfs an OSError that is no more than a text, adlfs an HTTP status.
    return (
        isinstance(error, PermissionError)
        or str(error).startswith("Forbidden")
        or getattr(error, "status_code", None) == 403
    )


def _lacks_credentials(error: Exception) -> bool:
    # Of botocore and google.auth, which are not imported here. gcsfs goes on without credentials.
    return type(error).__name__ in ("NoCredentialsError", "DefaultCredentialsError") or (
        str(error).startswith("Anonymous caller")
    )


def _is_unsupported(error: Exception) -> bool:
    return isinstance(error, NotImplementedError) or (
        isinstance(error, OSError) and error.errno in (errno.ENOSYS, errno.ENOTSUP)
    )


def _digest(content: bytes | Path) -> str:
    return sha256_of(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
