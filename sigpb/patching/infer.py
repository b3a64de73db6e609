"""Infers the patch that gives one model the signatures of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sigpb import protos
from sigpb.comparing.compare import compare_signatures, match_tag_sets
from sigpb.comparing.difference import Tags
from sigpb.comparing.signature_difference import EndpointChange, SignatureDifference, value_text
from sigpb.errors import PatchError
from sigpb.patching.compile import compile_patch
from sigpb.patching.inferred_creation import created_as
from sigpb.rewrite.commit import commit
from sigpb.saved_model.grafts import grafts
from sigpb.saved_model.model import INTERNAL_PREFIX, MetaGraph, SavedModel, tag_set_text
from sigpb.steps.shape_matching import LooksTransposed, check_reshape
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import Shape, dtype_name, encoding_of, shape_of, shape_text
from sigpb.tf.tensor_values import is_same
from sigpb.visible_text import natural
from sigpb.wire import Edits

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer


def infer_patch(
    before: SavedModel, after: SavedModel, tags: Tags | None = None
) -> protos.SavedModelPatch:
    """Returns the patch that gives a model the signatures of another.

    The patch is tried: what is returned is known to lead to the keys, dtypes, shapes, method names
    and default values of `after`.

    Args:
        before: The model to patch.
        after: The model that has the signatures wanted.
        tags: Only the MetaGraph with exactly these tags, sorted.

    Raises:
        PatchError: If there is no such patch, with all reasons.
    """
    pairs, dropped = _pairs(before, after, tags)
    patches: list[protos.SavedModelPatch] = []
    problems: list[str] = []
    for first, second in pairs:
        where = f"MetaGraph {tag_set_text(first.tags)}: " if len(pairs) > 1 else ""
        patch = protos.SavedModelPatch()
        if grafted := [where + problem for problem in _grafts_in_the_way(first, second)]:
            problems += grafted
            continue
        for change in compare_signatures(first, second):
            found = list(_in_the_way(change))
            if found and (creation := created_as(change, first, second)) is not None:
                patch.signature.append(creation)
                if change.renamed:
                    patch.signature.add(key=change.before, drop=True)
                continue
            problems += [where + problem for problem in found]
            _add_signature(patch, change)
        patches.append(patch)
    if problems:
        raise PatchError(problems)
    patch = _joined(before, pairs, patches, tags)
    _check(before, patch, pairs)
    if dropped is None:
        return patch
    if patch != protos.SavedModelPatch():
        raise PatchError(
            f"MetaGraph {tag_set_text(dropped.tags)} is removed and another one changes, which "
            "takes two patches: infer the change with --tags, and remove the MetaGraph with "
            "--drop_meta_graph."
        )
    return protos.SavedModelPatch(tags=protos.TagSet(tag=dropped.tags), drop=True)


def _pairs(
    before: SavedModel, after: SavedModel, tags: Tags | None
) -> tuple[list[tuple[MetaGraph, MetaGraph]], MetaGraph | None]:
    """Returns which MetaGraph became which, and the only one that the second model lacks."""
    old, new = (
        [graph for graph in model.meta_graphs if tags is None or graph.tags == tags]
        for model in (before, after)
    )
    if not old:
        existing = ", ".join(tag_set_text(graph.tags) for graph in before.meta_graphs)
        raise PatchError(
            f"{before.directory} has no MetaGraph with the tag-set {tag_set_text(tags or ())}; "
            f"there are {existing}."
        )
    pairs, removed, added = match_tag_sets(old, new)
    if len(removed) == 1 and pairs and not added:
        return pairs, removed[0]
    problems = [
        f"only {model.directory} has a MetaGraph {tag_set_text(graph.tags)}, and a patch adds no "
        "MetaGraph and removes one at most; select one that both have with --tags."
        for model, graphs in ((before, removed), (after, added))
        for graph in graphs
    ]
    if problems:
        raise PatchError(problems)
    return pairs, None


def _grafts_in_the_way(first: MetaGraph, second: MetaGraph) -> Iterator[str]:
    """Yields which adapters only one of two MetaGraphs has, and why that is in the way."""
    old, new = grafts(first), grafts(second)
    for graft in (each for each in new if each not in old):
        yield (
            f"signature {graft.signature!r}: the second model has the adapter {graft.name!r} "
            f"({graft.explain()}) {graft.position} it, and does not say where that is to be found. "
            "Write the patch that puts it there: "
            f'{graft.position} {{ model: "…/{graft.adapter}" }}.'
        )
    for graft in (each for each in old if each not in new):
        yield (
            f"signature {graft.signature!r}: only the first model has the adapter {graft.name!r} "
            f'{graft.position} it. Write the patch that takes it out: ungraft: "{graft.name}".'
        )


def _in_the_way(change: SignatureDifference) -> Iterator[str]:
    """Yields why no patch can make a change, as far as the change alone says so."""
    if change.before is None:
        yield (
            f"signature {change.after!r} stands for tensors that no signature of the first model "
            "computes; a patch can only copy a signature, or create one of TensorFlow 1 from "
            "tensors that are in the graph."
        )
        return
    if change.after is None:
        return
    where = f"signature {change.after!r}"
    for end in change.changed_endpoints:
        if problem := _endpoint_in_the_way(end):
            yield f"{where}: {problem}"


def _endpoint_in_the_way(change: EndpointChange) -> str | None:
    side, old, new = change.side, change.before, change.after
    if old is None and new is not None:
        if side == "input":
            return (
                f"input {new.key!r} exists nowhere in the first model; state where it is fed with "
                "'from_tensor' in a patch."
            )
        if change.tensor is None:
            return f"the tensor of output {new.key!r} exists nowhere in the first model."
        if change.computed_by:
            return (
                f"output {new.key!r} is added by way of steps ({', '.join(change.computed_by)}), "
                "which cannot be inferred; state them with 'step' in a patch."
            )
        return None
    if old is None:
        return None
    if new is None:
        if side == "input" and change.bound is None:
            return (
                f"input {old.key!r} is gone, and sigpb cannot determine the value that replaces it."
            )
        return None
    if change.rewired:
        return (
            f"{side} {old.key!r} stands for another tensor, {new.tensors[0]!r}; state that with "
            "'from_tensor' in a patch."
        )
    if change.computed_by:
        return _stepped(change, old.key)
    if change.by_way_of is not None:
        return (
            f"{side} {old.key!r} is {dtype_name(new.dtype)} by way of "
            f"{dtype_name(change.by_way_of)} in one of the models, which loses values that a "
            "direct conversion keeps; a patch cannot state that."
        )
    if old.encoding != new.encoding:
        return f"{side} {old.key!r} is {new.encoding} in place of {old.encoding}."
    if old.default is not None and new.default is None:
        return f"input {old.key!r} has no default any more; a patch cannot remove a default."
    if change.default_changed and new.default and value_text(new.default) is None:
        return f"the default of input {new.key!r} cannot be written as text."
    return None


def _stepped(change: EndpointChange, key: str) -> str:
    return (
        f"{change.side} {key!r} passes steps ({', '.join(change.computed_by)}) in one of the "
        "models, which cannot be inferred; state them with 'step' in a patch."
    )


def _add_signature(patch: protos.SavedModelPatch, change: SignatureDifference) -> None:
    """Adds to a patch what a signature needs that changes."""
    if not change.is_change or change.before is None:
        return
    item = patch.signature.add()
    if change.after is None:
        item.key, item.drop = change.before, True
        return
    if change.copied:
        item.key, item.copy_of = change.after, change.before
    else:
        item.key = change.before
        if change.renamed:
            item.rename_to = change.after
    if change.method_before != change.method_after:
        item.method_name = change.method_after
    for end in change.changed_endpoints:
        _add_endpoint(item.input if end.side == "input" else item.output, end)


def _add_endpoint(
    items: RepeatedCompositeFieldContainer[protos.EndpointPatch], change: EndpointChange
) -> None:
    old, new = change.before, change.after
    if old is None and new is not None:
        items.add(
            key=new.key,
            from_tensor=change.tensor,
            dtype=dtype_name(new.dtype),
            shape=shape_text(new.shape),
            node_name=change.node_name,
        )
    elif old is not None and new is None:
        if change.bound is not None:
            items.add(key=old.key, bind=change.bound)
        else:
            items.add(key=old.key, drop=True)
    elif old is not None and new is not None:
        item = items.add(key=old.key)
        if change.renamed:
            item.rename_to = new.key
        if change.node_name is not None:
            item.node_name = change.node_name
        if old.dtype != new.dtype:
            item.dtype = dtype_name(new.dtype)
        if old.shape != new.shape:
            item.shape = shape_text(new.shape)
            if _looks_transposed(old.shape, new.shape):
                item.reshape = True
        if new.default is not None and (change.default_changed or change.retyped):
            item.default = value_text(new.default) or ""


def _looks_transposed(before: Shape, after: Shape) -> bool:
    """Whether a patch has to insist that a change of shape is a reshape."""
    try:
        check_reshape(before, after)
    except ConversionError as error:
        return isinstance(error, LooksTransposed)
    return False


def _joined(
    model: SavedModel,
    pairs: Sequence[tuple[MetaGraph, MetaGraph]],
    patches: Sequence[protos.SavedModelPatch],
    tags: Tags | None,
) -> protos.SavedModelPatch:
    """Returns one patch for all MetaGraphs.

    Raises:
        PatchError: If they need different ones.
    """
    changed = [
        (pair, patch)
        for pair, patch in zip(pairs, patches, strict=True)
        if patch.signature or pair[0].tags != pair[1].tags
    ]
    if not changed:
        return protos.SavedModelPatch()
    if len(changed) == len(model.meta_graphs) > 1 and all(
        patch == patches[0] and pair[0].tags == pair[1].tags for pair, patch in changed
    ):
        return patches[0]
    if len(changed) > 1:
        listed = ", ".join(tag_set_text(pair[0].tags) for pair, _ in changed)
        raise PatchError(
            f"the MetaGraphs {listed} change in different ways, and a patch changes one of them or "
            "all in the same way; infer a patch for each, with --tags."
        )
    ((first, second), patch) = changed[0]
    if len(model.meta_graphs) > 1 or tags is not None:
        patch.tags.tag.extend(first.tags)
        patch.tags.SetInParent()
    if first.tags != second.tags:
        patch.set_tags.tag.extend(second.tags)
        patch.set_tags.SetInParent()
    return patch


def _check(
    model: SavedModel,
    patch: protos.SavedModelPatch,
    pairs: Sequence[tuple[MetaGraph, MetaGraph]],
) -> None:
    """Makes sure that a patch leads to the signatures that are wanted.

    Raises:
        PatchError: With all that is in the way, or what would still be different.
    """
    edits, interfaces = Edits(model.buffer), compile_patch(model, patch).interfaces
    graphs = model.meta_graphs
    made = {graphs[at]: commit(each, edits).signature_defs for at, each in interfaces.items()}
    problems = [
        f"signature {key!r} would still be there."
        for graph, wanted in pairs
        for key in made.get(graph, graph.signatures).keys() - wanted.signatures.keys()
        if not key.startswith(INTERNAL_PREFIX)
    ]
    problems += [
        f"signature {key!r} would differ from the second model's: {problem}."
        for graph, wanted in pairs
        for key in wanted.user_signatures
        for problem in differences(
            made.get(graph, graph.signatures).get(key), wanted.signatures[key]
        )
    ]
    if problems:
        raise PatchError(problems)


def differences(made: protos.SignatureDef | None, wanted: protos.SignatureDef) -> Iterator[str]:
    """Yields in what a SignatureDef differs from the one wanted, but for names of tensors."""
    if made is None:
        yield "it would not be there"
        return
    if made.method_name != wanted.method_name:
        yield f"its method would be {made.method_name!r}"
    for side, infos, others in (
        ("input", made.inputs, wanted.inputs),
        ("output", made.outputs, wanted.outputs),
    ):
        types, wanted_types = _types(infos), _types(others)
        for key in sorted(types.keys() | wanted_types.keys(), key=natural):
            if types.get(key) != wanted_types.get(key):
                yield (
                    f"{side} {key!r} would be {types.get(key, 'missing')}, not "
                    f"{wanted_types.get(key, 'missing')}"
                )
    for key in sorted({*made.defaults} | {*wanted.defaults}, key=natural):
        one_only = key not in made.defaults or key not in wanted.defaults
        if one_only or not is_same(made.defaults[key], wanted.defaults[key]):
            yield f"input {key!r} would have another default"


def _types(infos: Mapping[str, protos.TensorInfo]) -> dict[str, str]:
    return {
        key: f"{encoding_of(info)} {dtype_name(info.dtype)} "
        f"{shape_text(shape_of(info.tensor_shape))}"
        for key, info in infos.items()
    }
