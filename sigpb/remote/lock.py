"""Keeping batches off what another one is at work on, by objects that say which one."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Collection, Iterator

from sigpb.errors import EnvironmentFailure
from sigpb.parsers import parse_json_value
from sigpb.publishing.changes import BACKUP_PREFIX
from sigpb.remote.store import StoreDenied, StoreFailure, store_of
from sigpb.remote.urls import parents_of

NAME = ".sigpb-batch-lock"

PATCH_PREFIX = "patch-"
"""What the names of those that patch a single model begin with, in the place of a batch's."""


@contextlib.contextmanager
def locked(directories: Collection[str], batch: str) -> Iterator[None]:
    """Locks directories, and all that is below them.

    A lock that a killed run of the same batch left is taken over.

    Args:
        directories: The directories.
        batch: The batch.

    Raises:
        EnvironmentFailure: If another batch has locked one of them, one above or one below; or if
            the store fails.
    """
    whole = {each for each in directories if not any(up in directories for up in parents_of(each))}
    content = json.dumps(
        {
            "batch": batch,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "nonce": os.urandom(8).hex(),
        }
    ).encode()
    with contextlib.ExitStack() as stack:
        for each in sorted(whole):
            stack.callback(_release, each, content)  # Also if the answer to its making was lost.
            _acquire(each, batch, content)
        # Only now, so that of two batches that begin at once one at least sees the other.
        for each in {parent for directory in whole for parent in parents_of(directory)}:
            with contextlib.suppress(StoreDenied):
                _check(f"{each}/{NAME}", batch)
        for each in sorted(whole):
            for name in store_of(each).files(each):
                if name == NAME or name.endswith(f"/{NAME}"):
                    _check(f"{each}/{name}", batch)
        yield


def _acquire(directory: str, batch: str, content: bytes) -> None:
    store, lock = store_of(directory), f"{directory}/{NAME}"
    _check(lock, batch)  # Some stores make an object anew though they are asked not to.
    try:
        store.create(lock, content)
    except FileExistsError:
        _check(lock, batch)
        store.put(lock, content)
    _check(lock, batch)


def _release(directory: str, content: bytes) -> None:
    store, lock = store_of(directory), f"{directory}/{NAME}"
    with contextlib.suppress(StoreFailure):
        if store.read(lock) == content:
            store.remove(lock)


def _check(lock: str, batch: str) -> None:
    content = store_of(lock).read(lock)
    if content is None:
        return
    try:
        holder = parse_json_value(content)
        if holder["batch"] == batch:
            return
        who = "batch {batch}, begun on {host} (process {pid}) at {time}".format(**holder)
        if str(holder["batch"]).startswith(PATCH_PREFIX):
            raise EnvironmentFailure(
                f"{lock} says that a patch in place is at work there: {who.partition(', ')[2]}. "
                "Wait for it to end. If it was killed, remove that object. The proto is the old "
                "or the new one, whole; what is missing beside it is in the model's newest "
                f"{BACKUP_PREFIX}…. Nothing was changed."
            )
    except (ValueError, KeyError, TypeError):
        who = "something that is no batch of this version of sigpb"
    raise EnvironmentFailure(
        f"{lock} says that another batch is at work there: {who}. Wait for it to end. If it was "
        "killed, go on with it ('sigpb batch --resume --journal=FILE') or undo it ('sigpb "
        "rollback'); if its journal is lost, remove that object. Nothing was changed."
    )
