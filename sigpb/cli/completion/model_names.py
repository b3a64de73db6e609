"""The names in the model on a command line that can be completed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME
from sigpb.saved_model.model import MetaGraph, SavedModel, open_model
from sigpb.visible_text import natural

if TYPE_CHECKING:
    from sigpb.rewrite.port import Side

# A text proto is parsed as a whole, which takes too long while somebody waits.
_MOST_TEXT = 1 << 20


class ModelNames:
    """The names in a model.

    Args:
        path: Where it is.
        tags: The tag-set of the only MetaGraph that is meant; None for all.
    """

    def __init__(self, path: str, tags: tuple[str, ...] | None = None) -> None:
        self._path, self._tags = Path(path).expanduser(), tags

    def signatures(self) -> list[str]:
        """Returns the keys of signatures."""
        with self._graphs() as graphs:
            return _sorted(key for graph in graphs for key in graph.user_signatures)

    def endpoints(self, side: Side, signature: str) -> list[str]:
        """Returns the keys of inputs or outputs.

        Args:
            side: Which of them.
            signature: The key of their signature. If there is none of this key, those of all.
        """
        found: list[str] = []
        with self._graphs() as graphs:
            known = any(signature in graph.signatures for graph in graphs)
            for graph in graphs:
                for key in [signature] if known else graph.user_signatures:
                    if key in graph.signatures:
                        each = graph.signatures[key]
                        found += each.inputs if side == "input" else each.outputs
        return _sorted(found)

    def tag_sets(self) -> list[str]:
        """Returns the tag-sets of MetaGraphs, as ``--tags`` takes them."""
        with self._opened() as model:
            return _sorted(",".join(graph.tags) for graph in model.meta_graphs)

    @contextmanager
    def _graphs(self) -> Iterator[list[MetaGraph]]:
        with self._opened() as model:
            graphs = list(model.meta_graphs)
            yield [graph for graph in graphs if self._tags in (None, graph.tags)] or graphs

    def _opened(self) -> SavedModel:
        text = self._path if self._path.name == TEXT_NAME else self._path / TEXT_NAME
        is_text = text.exists() and not (self._path / BINARY_NAME).exists()
        if is_text and text.stat().st_size > _MOST_TEXT:
            raise OSError(f"{text} is large")
        return open_model(self._path)


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(set(names), key=natural)
