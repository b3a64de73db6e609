"""The models below a directory: which there are, and what each offers, as far as that is quick."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sigpb.errors import ModelUnreadable, listed
from sigpb.publishing.changes import is_sigpbs_name
from sigpb.saved_model.missing_model import walk_models
from sigpb.saved_model.model import open_model, tag_set_text
from sigpb.visible_text import natural

Json = dict[str, Any]

# So many directories are looked into, which takes a second or two, and so many models opened.
_MOST_DIRECTORIES = 20_000
_MOST_MODELS = 50

_NOT_FETCHED = "not fetched; 'sigpb show' of it shows it"
_UNREADABLE = "cannot be read; 'sigpb show' of it says why"


def list_models(directory: Path, left: Collection[str] = ()) -> Json | None:
    """Returns the models below a directory as JSON values; None if there are none.

    The format is described in docs/json.md.

    Args:
        directory: The directory.
        left: The paths in it of protos that stay in a store.
    """
    unread = {directory / posixpath.dirname(each) for each in left}
    walk = walk_models(directory, is_sigpbs_name, links=True)
    looked_into = [*islice(walk, _MOST_DIRECTORIES)]
    found = (model for model in looked_into if model is not None)
    models = sorted(found, key=lambda model: [*map(natural, model.parts)])
    if not models:
        return None
    return {
        "directory": str(directory),
        "models": [
            _not_fetched(model) if model in unread else _described(model)
            for model in models[:_MOST_MODELS]
        ],
        "more": len(models) - len(models[:_MOST_MODELS]),
        "complete": next(walk, ...) is ...,
    }


def _not_fetched(directory: Path) -> Json:
    return {"model": str(directory), "meta_graphs": [], "problem": _NOT_FETCHED}


def _described(directory: Path) -> Json:
    about: Json = {"model": str(directory), "meta_graphs": [], "problem": None}
    try:
        with open_model(directory) as model:
            about["meta_graphs"] = [
                {"tags": list(graph.tags), "signatures": list(graph.user_signatures)}
                for graph in model.meta_graphs
            ]
    except ModelUnreadable as error:
        about["problem"] = str(error)
    return about


def list_lines(found: Json) -> Iterator[str]:
    """Yields the same as text, a line for each model, and how to go on."""
    directory, models = found["directory"], found["models"]
    more = found["more"]
    count = f"{'' if found['complete'] else 'at least '}{len(models) + more:,}"
    yield f"{directory}: not a SavedModel. Models below it: {count}"
    yield ""
    names = [posixpath.relpath(each["model"], directory) for each in models]
    width = max(map(len, names))
    for name, each in zip(names, models, strict=True):
        offers = "; ".join(map(_offer, each["meta_graphs"])) or (
            _NOT_FETCHED if each["problem"] == _NOT_FETCHED else _UNREADABLE
        )
        yield f"  {name.ljust(width)}  {offers}".rstrip()
    if more:
        yield f"  and {more:,} more"
    yield ""
    readable = [each for each in models if each["problem"] is None] or models
    yield f"To look at one: sigpb show {shlex.quote(readable[-1]['model'])}"
    yield f"To patch them: sigpb batch {shlex.quote(directory)} --patch=FILE --in_place --dry_run"


def _offer(meta_graph: Json) -> str:
    keys = meta_graph["signatures"]
    return f"{tag_set_text(tuple(meta_graph['tags']))} {listed(keys) if keys else 'no signatures'}"
