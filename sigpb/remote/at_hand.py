"""Reading models wherever they are: those of a store through copies in a temporary directory.

Only protos are fetched, and the files that sigpb reads besides. In the place of all others, such as
variables, there are empty files of the same sizes. Errors, and all text that is shown meanwhile,
name the URL.
"""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sigpb.errors import ModelUnreadable, renamed_in_errors
from sigpb.publishing.changes import is_sigpbs_own
from sigpb.remote.urls import is_in_process, located, store_url
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX, CHUNKED_NAME, TEXT_NAME
from sigpb.visible_text import shown_as

if TYPE_CHECKING:
    from sigpb.remote.model import FetchedModel
    from sigpb.remote.store import Store
    from sigpb.remote.stored_file import StoredFile

_PROTOS = (BINARY_NAME, TEXT_NAME, CHUNKED_NAME)

# Of the models below a directory so many are named, and so many fetched, of this size together.
_MOST_NAMED = 20_000
_MOST_BELOW = 50
_MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class AtHand:
    """What can be read.

    Attributes:
        path: Its path on this machine.
        name: What users call it: that path, or its URL.
        left: The files of a model that stayed in its store, by their paths in the model.
        fetched: How many files were fetched, and how many bytes these have.
        model: The model in its store; None if it is on this machine, or a single file.
    """

    path: Path
    name: Path | str
    left: Mapping[str, StoredFile] = field(default_factory=dict)
    fetched: tuple[int, int] = (0, 0)
    model: FetchedModel | None = None

    def named(self, value: Any) -> Any:
        """Returns data about what was read with its URL in the place of the path."""
        if isinstance(self.name, Path):
            return value
        if isinstance(value, (str, Path)):
            directory = self.path if self.model is None else self.model.directory
            url = self.name if self.model is None else self.model.url
            text = str(value).replace(str(directory), url)
            return value if text == str(value) else text
        if isinstance(value, Mapping):
            return {key: self.named(each) for key, each in value.items()}
        if isinstance(value, (tuple, list)):
            # A named tuple takes its elements one by one.
            return getattr(value, "_make", type(value))(map(self.named, value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            named = {
                each.name: self.named(getattr(value, each.name))
                for each in fields(value)
                if each.init
            }
            return dataclasses.replace(value, **named)
        return value

    @property
    def told(self) -> tuple[str, ...]:
        """How much was fetched, as a line; none of what is on this machine."""
        count, size = self.fetched
        return (f"fetched {self.name}: {count} files, {size:,} bytes",) if count else ()


@contextlib.contextmanager
def at_hand(
    path: str | Path,
    *,
    whole: bool = False,
    also: Collection[str] = (),
    below: bool = False,
    composed: bool = False,
) -> Iterator[AtHand]:
    """Has something at hand to be read, until the block ends.

    Args:
        path: The path or URL of a model, of its proto, of a directory above models, or of a file.
        whole: Whether a model is to be fetched with its variables, so that it can be run.
        also: The paths, in a model, of files that are fetched besides.
        below: Whether, of a directory above models, the first ones of these are fetched.
        composed: Whether a checkpoint and assets are put together of those of a model.

    Raises:
        UsageError: If it is no URL that can be used.
        ModelUnreadable: If there is nothing at a URL.
        EnvironmentFailure: If the store fails, or a package for it is missing.
    """
    found = located(path)
    if isinstance(found, Path):
        yield AtHand(found, found)
        return
    from sigpb.remote.model import fetched
    from sigpb.remote.store import store_of

    store = store_of(found)
    parent, _, name = found.rpartition("/")
    url, file = (parent, name) if name in _PROTOS else (found, "")
    with fetched(store, url, also=(CHECKPOINT_INDEX, *also), composed=composed) as model:
        if not model.files:
            with _file_at_hand(store, found) as only:
                yield only
            return
        is_model = not model.fetched.isdisjoint(_PROTOS)
        if whole and is_model:
            model.complete()
        if not is_model:
            protos = [name for name in model.files if posixpath.basename(name) in _PROTOS]
            protos.sort(key=lambda name: name.split("/"))
            size = accumulate(model.files[name].size for name in protos)
            chosen = zip(protos[: _MOST_BELOW if below else 0], size, strict=False)
            model.fetch(name for name, size in chosen if size <= _MOST_BYTES)
            left = [name for name in protos[:_MOST_NAMED] if name not in model.fetched]
        else:
            left = sorted(set(model.files) - model.fetched)
        model.outline(left)
        with shown_as(str(model.directory), url):
            sizes = [model.files[name].size for name in model.fetched]
            yield AtHand(
                model.directory / file,
                found,
                {name: model.files[name] for name in left},
                (len(sizes), sum(sizes)),
                model,
            )


@contextlib.contextmanager
def _file_at_hand(store: Store, url: str) -> Iterator[AtHand]:
    """Has a single file at hand, such as that of a graph."""
    stored = store.file(url)
    if stored is None:
        raise ModelUnreadable(_nothing_at(store, url))
    with tempfile.TemporaryDirectory(prefix="sigpb-", ignore_cleanup_errors=True) as directory:
        file = Path(directory, posixpath.basename(url))
        with renamed_in_errors(str(file), url), shown_as(str(file), url):
            store.fetch(url, file)
            yield AtHand(file, url, {}, (1, stored.size))


def models_below(url: str) -> list[str]:
    """Returns a URL if it is that of a model or a file, and otherwise every model below it, sorted.

    Args:
        url: The URL, normalised.

    Raises:
        ModelUnreadable: If there is none.
        EnvironmentFailure: If the store fails.
    """
    from sigpb.remote.store import store_of

    files = store_of(url).files(url)
    holding = {posixpath.dirname(name) for name in files if posixpath.basename(name) in _PROTOS}
    found = [
        directory
        for directory in sorted(holding)
        if not is_sigpbs_own(Path(directory))
        if holding.isdisjoint(str(each) for each in PurePosixPath(directory).parents)
    ]
    if not files or "" in holding:
        return [url]
    if not found:
        raise ModelUnreadable(
            f"{url}: neither this directory nor any below it holds a {BINARY_NAME}."
        )
    return [f"{url}/{directory}" for directory in found]


def _nothing_at(store: Store, url: str) -> str:
    bucket = store_url(url)
    if not is_in_process(url) and url != bucket and not store.exists(bucket):
        return f"{url}: there is no bucket {bucket}, or you may not list it."
    return f"{url}: there is no such directory or file."
