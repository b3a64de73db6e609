"""The nodes of a MetaGraph that touch files, talk to other machines, or run code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.lint.file_names import WRITTEN_BY_TENSORFLOW, FileNames
from sigpb.lint.linted_model import LintedGraph
from sigpb.lint.op_search import nodes_with_ops
from sigpb.tf.ops import Effect, outside_ops

_SENTENCES: dict[Effect, str] = {
    "reads": "reads any file that the process can read",
    "writes": "writes to any file that the process can write to",
    "network": "talks to other machines",
    "code": "runs code that the graph does not show",
}
_CALLS_PYTHON = "calls a Python function of the process that made it, and fails in any other"
_LISTS = "lists the files of any directory"
_OPENS_DATABASE = "opens any database"
_IN_OTHER_WORDS = {
    **dict.fromkeys(("PyFunc", "PyFuncStateless", "EagerPyFunc"), _CALLS_PYTHON),
    **dict.fromkeys(
        ("MatchingFiles", "MatchingFilesDataset", "ExperimentalMatchingFilesDataset"), _LISTS
    ),
    **dict.fromkeys(
        ("CreateSummaryDbWriter", "SqlDataset", "ExperimentalSqlDataset"), _OPENS_DATABASE
    ),
    **dict.fromkeys(("Abort", "WorkerHeartbeat"), "ends the process"),
    "DatasetFromGraph": "runs a graph that a string holds, with any ops",
    "FileSystemSetConfiguration": "changes where the process looks for remote files",
    "RemoteCall": "runs a function on another device or machine",
}

# Ops that do so only with some values of an attribute, and the beginnings of harmless ones.
_LOCAL_DESCRIPTORS = ("local://", "bytes://")
_HARMLESS: dict[str, tuple[str, tuple[str, ...]]] = {
    "PrintV2": ("output_stream", ("stderr", "stdout", "log(")),
    "EncodeProto": ("descriptor_source", _LOCAL_DESCRIPTORS),
    "DecodeProtoV2": ("descriptor_source", _LOCAL_DESCRIPTORS),
    "DebugIdentity": ("debug_urls", ()),
    "DebugIdentityV2": ("debug_urls", ()),
    "DebugIdentityV3": ("debug_urls", ()),
    "DebugNanCount": ("debug_urls", ()),
    "DebugNumericSummary": ("debug_urls", ()),
    "FixedUnigramCandidateSampler": ("vocab_file", ()),
}

# What libraries that came apart from TensorFlow called their ops.
_ELSEWHERE: dict[str, tuple[Effect, ...]] = dict.fromkeys(
    ("BigQueryReader", "GenerateBigQueryReaderPartitions"), ("network",)
)


class OutsideNode(NamedTuple):
    """A node that reaches outside of the model.

    Attributes:
        function: The function it is in; empty at the top level.
        name: Its name.
        op: Its op.
        does: What it does, as the rest of a sentence.
    """

    function: str
    name: str
    op: str
    does: str


def findable_ops() -> dict[str, tuple[Effect, ...]]:
    """Returns the ops that `outside_nodes` looks for, and what they do."""
    return {**outside_ops(), **_ELSEWHERE}


def outside_nodes(graph: LintedGraph) -> Iterator[OutsideNode]:
    """Finds the nodes that reach outside of the model, in the graph and in all functions.

    Those that save and restore the checkpoint, and that read assets, do not: loaders name their
    files.
    """
    ops = findable_ops()
    found = [(function or "", node) for function, node in nodes_with_ops(graph, ops)]
    by_loaders = FileNames(graph).by_loaders if found else {}
    for function, node in found:
        is_loaders = by_loaders.get((function, node.name), node.op in WRITTEN_BY_TENSORFLOW)
        if not is_loaders and not _is_harmless(node):
            does = _IN_OTHER_WORDS.get(node.op) or " and ".join(
                _SENTENCES[effect] for effect in ops[node.op]
            )
            yield OutsideNode(function, node.name, node.op, does)


def _is_harmless(node: protos.NodeDef) -> bool:
    """Whether a node does not do what its op may do."""
    if node.op not in _HARMLESS:
        return False
    name, harmless = _HARMLESS[node.op]
    attribute = node.attr[name] if name in node.attr else protos.AttrValue()
    values = [value.decode(errors="replace") for value in (attribute.s, *attribute.list.s)]
    return all(not value or (harmless and value.startswith(harmless)) for value in values)
