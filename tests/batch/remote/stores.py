"""What is in stores, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sigpb.publishing.changes import BACKUP_PREFIX
from sigpb.remote.store import store_of
from tests.batch.repositories import HISTORY

MODEL = "tf2_warmup"

each_store = pytest.mark.parametrize("server", ["memory", "s3", "gcs"], indirect=True)


def fs(url: str) -> Any:
    import fsspec

    return fsspec.core.url_to_fs(url, use_listings_cache=False)[0]


def upload(model: Path, url: str, *paths: str) -> str:
    """Puts copies of a model at paths below a root, which is returned."""
    for path in paths:
        for file in model.rglob("*"):
            if file.is_file():
                target = f"{url}/{path}/{file.relative_to(model)}"
                fs(url).pipe_file(target, file.read_bytes())
    return url


def contents(url: str) -> dict[str, bytes]:
    """All objects below a URL."""
    store = store_of(url)
    return {name: store.read(f"{url}/{name}") or b"" for name in sorted(store.files(url))}


def without_history(url: str) -> dict[str, bytes]:
    """The same without the record, in which times are, and without backups."""
    return {
        name: data
        for name, data in contents(url).items()
        if name != HISTORY and not name.startswith(BACKUP_PREFIX)
    }


def own_objects(url: str) -> list[str]:
    """What sigpb left anywhere below a URL, apart from records."""
    return [name for name in store_of(url).files(url) if ".sigpb-" in name]
