"""What a plan says, and what a difference says, as facts that can be compared."""

from __future__ import annotations

from collections.abc import Iterator

import sigpb
from sigpb.comparing.difference import MetaGraphDifference
from sigpb.comparing.signature_difference import EndpointChange, SignatureDifference
from sigpb.edits import Edit
from sigpb.edits.added_endpoints import AddOutput
from sigpb.edits.metadata_edits import (
    CopySignature,
    DeleteSignature,
    DropOutput,
    RenameEndpoint,
    RenameSignature,
    SetMethodName,
    SetTags,
)
from sigpb.edits.tensor_edits import ChangeBatchSize, ChangeType
from sigpb.edits.value_edits import BindInput, SetDefault
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import dtype_name, shape_text, tensor_names

Fact = tuple[object, ...]


def facts_of_plan(plan: sigpb.Plan) -> dict[tuple[str, ...], set[Fact]]:
    """The facts by tag-set. Signatures go by the key they have in the model, or as a copy."""
    return {
        graph.tags: {fact for edit in graph.edits for fact in _facts_of_edit(edit)}
        for graph in plan.meta_graphs
    }


def _facts_of_edit(edit: Edit) -> Iterator[Fact]:
    if isinstance(edit, AddOutput):
        yield (edit.signature.key, "output", edit.key, "added from", edit.tensor)
    elif isinstance(edit, BindInput):
        yield (edit.signature.key, "input", edit.key, "bound")
    elif isinstance(edit, ChangeBatchSize):
        for key in edit.inputs:
            yield (edit.signature.key, "input", key, "shape")
        yield (edit.signature.key, "batch size")
    elif isinstance(edit, ChangeType):
        where = (edit.signature.key, edit.side, edit.key)
        if edit.type.dtype != edit.new_type.dtype:
            yield (*where, "dtype", dtype_name(edit.new_type.dtype))
        if edit.type.shape != edit.new_type.shape:
            yield (*where, "shape")
            yield (*where, "shape", shape_text(edit.new_type.shape))
    elif isinstance(edit, CopySignature):
        yield (edit.signature.key, "copied from", edit.signature.copy_of)
    elif isinstance(edit, DeleteSignature):
        yield (edit.signature.key, "deleted")
    elif isinstance(edit, DropOutput):
        yield (edit.signature.key, edit.side, edit.key, "dropped")
    elif isinstance(edit, RenameEndpoint):
        yield (edit.signature.key, edit.side, edit.key, "renamed", edit.to)
    elif isinstance(edit, RenameSignature):
        yield (edit.signature.key, "renamed", edit.to)
    elif isinstance(edit, SetDefault):
        yield (edit.signature.key, edit.side, edit.key, "default")
    elif isinstance(edit, SetMethodName):
        yield (edit.signature.key, "method", edit.to)
    elif isinstance(edit, SetTags):
        yield ("tags", edit.to)
    else:
        raise AssertionError(f"no facts for {edit}")


def facts_of_difference(difference: MetaGraphDifference) -> set[Fact]:
    facts = {fact for change in difference.signatures for fact in _facts_of_signature(change)}
    if difference.tags_before != difference.tags_after:
        facts.add(("tags", difference.tags_after))
    return facts


def _facts_of_signature(change: SignatureDifference) -> Iterator[Fact]:
    key = change.after if change.copied or change.before is None else change.before
    if change.before is None:
        yield (key, "added")
    elif change.copied:
        yield (key, "copied from", change.before)
    elif change.after is None:
        yield (key, "deleted")
        return
    elif change.renamed:
        yield (key, "renamed", change.after)
    if change.method_before != change.method_after:
        yield (key, "method", change.method_after)
    for end in change.changed_endpoints:
        yield from _facts_of_endpoint(str(key), end)


def _facts_of_endpoint(signature: str, change: EndpointChange) -> Iterator[Fact]:
    old, new = change.before, change.after
    if old is None and new is not None:
        yield (signature, change.side, new.key, "added from", change.tensor)
    elif old is not None and new is None:
        how = "dropped" if change.bound is None else "bound"
        yield (signature, change.side, old.key, how)
    elif old is not None and new is not None:
        where = (signature, change.side, old.key)
        if change.renamed:
            yield (*where, "renamed", new.key)
        if old.dtype != new.dtype:
            yield (*where, "dtype", dtype_name(new.dtype))
        if old.shape != new.shape:
            yield (*where, "shape")
            yield (*where, "shape", shape_text(new.shape))
        if change.default_changed:
            yield (*where, "default")
        if change.rewired:
            yield (*where, "rewired")


def without_aliases(facts: set[Fact], graph: MetaGraph) -> set[Fact]:
    """Facts in which endpoints that are one tensor, and signatures that are one, have one key.

    Which of them was given which key cannot be told from the result.
    """
    signatures: dict[str, str] = {}
    firsts: dict[object, str] = {}
    for key in graph.user_signatures:
        encoded = graph.signatures[key].SerializeToString(deterministic=True)
        signatures[key] = firsts.setdefault(encoded, key)
    found = set()
    for fact in facts:
        signature = signatures.get(str(fact[0]), fact[0])
        rest = fact[1:]
        if len(rest) > 1 and rest[0] in ("input", "output") and signature in graph.signatures:
            infos = getattr(graph.signatures[str(signature)], f"{rest[0]}s")
            if rest[1] in infos:
                names = tensor_names(infos[rest[1]])
                same = min(key for key, info in infos.items() if tensor_names(info) == names)
                rest = (rest[0], same, *rest[2:])
        if rest[:1] == ("copied from",):
            rest = ("copied from", signatures.get(str(rest[1]), rest[1]))
        if rest[:1] != ("renamed",) or signatures.get(str(rest[1])) != signature:
            found.add((signature, *rest))
    return found


def assert_lists_the_plan(
    plan: sigpb.Plan, model: sigpb.SavedModel, differences: list[MetaGraphDifference]
) -> None:
    """Asserts that a difference says what a plan says, no more and no less.

    What follows from a batch size that changes is not in the plan: the shapes that inputs and
    outputs have because of it.
    """
    expected = facts_of_plan(plan)
    graphs = {graph.tags: graph for graph in model.meta_graphs}
    for difference in differences:
        graph = graphs[difference.tags_before]
        planned = without_aliases(expected.get(graph.tags, set()), graph)
        batched = {fact[0] for fact in planned if fact[1] == "batch size"}
        found = without_aliases(facts_of_difference(difference), graph)
        follows = {
            fact
            for fact in found - planned
            if fact[0] in batched and len(fact) > 3 and fact[3] == "shape"
        }
        stated = {fact for fact in planned if fact[1] != "batch size"}
        assert found - follows == stated
