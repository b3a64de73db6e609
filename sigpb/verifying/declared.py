"""Whether a model states the signatures that a mapping leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.errors import did_you_mean
from sigpb.rewrite.interface import Side
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set_text
from sigpb.tf.tensor_types import TensorType, declared_type, type_text
from sigpb.verifying import mapping


def disagreements(wanted: mapping.Mapping, model: SavedModel) -> Iterator[str]:
    """Yields what the signatures of a model state otherwise, a sentence each."""
    graphs = {graph.tags: graph for graph in model.meta_graphs}
    several = len(graphs) > 1
    for each in wanted.meta_graphs:
        where = f"MetaGraph {tag_set_text(each.new_tags)}: " if several else ""
        if each.new_tags in graphs:
            found = _in_meta_graph(each, graphs.pop(each.new_tags))
            yield from (where + problem for problem in found)
        else:
            yield f"there is no MetaGraph {tag_set_text(each.new_tags)}."
    for tags in graphs:
        yield f"there is a MetaGraph {tag_set_text(tags)}, which is not expected."


def _in_meta_graph(wanted: mapping.MetaGraphMapping, graph: MetaGraph) -> Iterator[str]:
    signatures = {key: graph.signatures[key] for key in graph.user_signatures}
    for each in wanted.signatures:
        if each.new not in signatures:
            yield f"there is no signature {each.new!r}; {did_you_mean(each.new, signatures)}."
            continue
        signature = signatures[each.new]
        inputs = {end.new: end.declared for end in each.inputs if end.new is not None}
        outputs = {end.new: end.declared for end in each.outputs}
        outputs |= {added.new: added.declared for added in each.added}
        problems = (
            *_in_signature("input", inputs, signature.inputs),
            *_in_signature("output", outputs, signature.outputs),
        )
        yield from (f"signature {each.new!r}: {problem}" for problem in problems)
    for key in sorted(set(signatures) - {each.new for each in wanted.signatures}):
        yield f"there is a signature {key!r}, which is not expected."


def _in_signature(
    side: Side, expected: Mapping[str, TensorType], infos: Mapping[str, protos.TensorInfo]
) -> Iterator[str]:
    for key, type_ in sorted(expected.items()):
        if key not in infos:
            yield f"there is no {side} {key!r}; {did_you_mean(key, infos)}."
        elif type_ != (now := declared_type(infos[key])):
            yield f"{side} {key!r} is {type_text(now)}, and {type_text(type_)} is expected."
    for key in sorted(set(infos) - set(expected)):
        yield f"there is an {side} {key!r}, which is not expected."
