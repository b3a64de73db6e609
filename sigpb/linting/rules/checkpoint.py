"""The checkpoint that variables are restored from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sigpb.checkpoint.checkpoint import MODEL_PREFIX, shard_name
from sigpb.checkpoint.index import CheckpointIndex, NoIndex
from sigpb.errors import listed
from sigpb.inspect.checkpoint_agreement import contradictions
from sigpb.linting.linted_model import LintedGraph, LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.regular_files import open_regular
from sigpb.saved_model.files import CHECKPOINT_INDEX
from sigpb.saved_model.fingerprint import read_checkpoint_index
from sigpb.saved_model.foreign_file import CHECKPOINT_TABLE, foreign_file

_BEGINNING = 4096
_REPORTED = 10


class Checkpoint(LintRule):
    """Finds that files of the checkpoint are missing or damaged, or belong to another model."""

    id = "checkpoint"
    severity = "error"
    explanation = (
        "The variables of the model are restored from the checkpoint in 'variables': an index, and "
        "as many files with values as it says. One of them is missing, cut off or damaged, or does "
        "not hold what the graph restores. Loaders fail, or leave variables without values. At "
        "most ten files are reported. Values themselves are not compared with their checksums."
    )
    remedy = "Copy the directory again, whole, from where the model was exported to."
    example = (
        "variables/variables.data-00000-of-00001: The index names this file, which is not there."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the files, and compares the index with what the graph restores."""
        if not any(graph.loading.restores or _has_objects(graph) for graph in model.graphs):
            return
        directory = model.model.directory
        content = read_checkpoint_index(directory)
        if content is None:
            yield self.finding("There is no index of the checkpoint.", CHECKPOINT_INDEX)
            return
        try:
            index = CheckpointIndex.read(content)
        except NoIndex as error:
            yield self.finding(
                _what(content, directory / CHECKPOINT_INDEX) or f"It is {error}", CHECKPOINT_INDEX
            )
            return
        for name, problem in islice(_shard_problems(directory, index), _REPORTED):
            yield self.finding(problem, name)
        for graph in model.graphs:
            for problem in contradictions(graph.graph, graph.loading, index):
                yield self.finding(problem, graph.where())


def _has_objects(graph: LintedGraph) -> bool:
    object_graph = graph.meta_graph.object_graph
    return object_graph is not None and bool(object_graph.proto.nodes)


def _what(content: bytes, file: Path) -> str:
    """Says what format a file has that is no checkpoint; empty if that is not known."""
    found = foreign_file(content, file)
    if found is None or found is CHECKPOINT_TABLE:
        return ""
    return f"It is {found.name}. {found.advice}".rstrip()


def _shard_problems(directory: Path, index: CheckpointIndex) -> Iterator[tuple[str, str]]:
    """Yields files with values that are not there, or too short, and what is wrong with them."""
    needed: dict[int, int] = {}
    for tensor in index.tensors.values():
        if not tensor.is_sliced:
            needed[tensor.shard] = max(needed.get(tensor.shard, 0), tensor.offset + tensor.size)
    for shard, size in needed.items():
        name = shard_name(MODEL_PREFIX, shard, index.shards)
        try:
            with open_regular(directory / name) as file:
                there = file.seek(0, 2)
                file.seek(0)
                beginning = file.read(_BEGINNING)
        except FileNotFoundError:
            others = sorted(path.name for path in (directory / "variables").glob("*.data-*"))
            instead = f" There are {listed(others)}." if others else ""
            yield name, f"The index names this file, which is not there.{instead}"
            continue
        if there < size:
            what = _what(beginning, directory / name)
            yield name, what or f"It has {there:,} bytes; the index tells of {size:,}."
