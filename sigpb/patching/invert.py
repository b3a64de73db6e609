"""The patch that undoes another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.patching.plan import Plan
from sigpb.rewrite.commit import CommittedModel
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.interface import Interface, SignatureRef
from sigpb.rewrite.port import SIDES, Port, Side
from sigpb.saved_model.model import SavedModel, tag_set_text
from sigpb.tf.tensor_types import dtype_name, shape_text, tensor_type
from sigpb.visible_text import natural
from sigpb.wire import assemble

if TYPE_CHECKING:
    from sigpb.composing.way_back import WayBack


def invert(model: SavedModel, plan: Plan) -> protos.SavedModelPatch:
    """Returns the patch that undoes what a plan does.

    It is tried: what is returned is known to be accepted, and to lead to the signatures that the
    model has.

    Args:
        model: The model as it was, or is, before.
        plan: A plan for it.

    Raises:
        PatchError: With all that cannot be undone, and why.
    """
    if plan.is_empty:
        return protos.SavedModelPatch()
    made = plan.commit(model)
    undo, problems = inverse_of(plan, made)
    if problems:
        raise PatchError(problems)
    patched = SavedModel(model.file, model.state, assemble(made.pieces, model.buffer))
    ways_back = None if plan.ground is None else plan.ground.ways_back
    if left := list(_left_undone(undo, patched, model, ways_back)):
        raise PatchError(left)
    return undo


class Inverse(NamedTuple):
    """The patch that undoes another one.

    Attributes:
        patch: The patch.
        problems: What it does not undo, and why: in whole sentences.
    """

    patch: protos.SavedModelPatch
    problems: Sequence[str]


def inverse_of(plan: Plan, made: CommittedModel) -> Inverse:
    """Returns the patch that undoes what a plan does, without trying it.

    Args:
        plan: The plan; it changes something.
        made: What the plan makes of the model, but for what it does to MetaGraphs as wholes.
    """
    problems = [
        each for graph in plan.meta_graphs for edit in graph.edits for each in edit.irreversible()
    ]
    if plan.taken_out:  # What was made is without the adapters, which no patch puts back.
        return Inverse(protos.SavedModelPatch(), problems)
    patches = []
    for index, interfaces in plan.interfaces.items():
        inverse = _Inverse(interfaces, made.committed[index].signature_defs)
        patch = inverse.patch(by_tags=plan.patch.HasField("tags"))
        patches.append(patch)
        problems += [each for each in inverse.problems if each not in problems]
    if any(patch != patches[0] for patch in patches):
        problems.append(
            "the MetaGraphs that the patch changes would need different patches; select one by its "
            "tags."
        )
    undo = patches[0]
    # MetaGraphs have other names for an adapter: each takes out what it has.
    for index, way in reversed(plan.ground.ways_back) if plan.ground is not None else ():
        signature = plan.interfaces[index].signatures[SignatureRef(way.graft.signature)]
        _of_key(undo, signature.key).ungraft.append(way.graft.name)
    undo.id = f"undo-{plan.patch.id}" if plan.patch.id else "undo"
    undo.reason = f"undoes: {plan.patch.reason}" if plan.patch.reason else ""
    return Inverse(undo, problems)


def _of_key(patch: protos.SavedModelPatch, key: str) -> protos.SignaturePatch:
    """Returns what a patch says of a signature; nothing so far if it says nothing."""
    return next((each for each in patch.signature if each.key == key), None) or patch.signature.add(
        key=key
    )


def _left_undone(
    undo: protos.SavedModelPatch,
    patched: SavedModel,
    model: SavedModel,
    ways_back: Sequence[tuple[int, WayBack]] | None,
) -> Iterator[str]:
    """Yields why a patch does not give a patched model back the signatures that it had."""
    from sigpb.patching.compile import compile_patch
    from sigpb.patching.infer import differences

    try:
        plan = compile_patch(patched, undo, ways_back)
        restored = plan.commit(patched).committed
    except PatchError as error:
        yield from (f"it cannot be undone: {problem}" for problem in error.problems)
        return
    for index, graph in enumerate(model.meta_graphs):
        after = restored[index]
        if after.tags != graph.tags:
            yield f"it cannot be undone: the tags would be {tag_set_text(after.tags)}."
        for key in sorted({*after.signature_defs, *graph.signatures}, key=natural):
            if key not in graph.signatures:
                yield f"it cannot be undone: signature {key!r} would be left."
                continue
            for problem in differences(after.signature_defs.get(key), graph.signatures[key]):
                yield f"it cannot be undone: of signature {key!r}, {problem}."


class _Inverse:
    """The patch that undoes what interfaces differ in from a MetaGraph.

    Attributes:
        problems: What cannot be undone.
    """

    def __init__(self, interfaces: Interfaces, made: Mapping[str, protos.SignatureDef]) -> None:
        """Takes interfaces, and the SignatureDefs that they make."""
        self._interfaces, self._made = interfaces, made
        self.problems: list[str] = []

    def patch(self, *, by_tags: bool) -> protos.SavedModelPatch:
        """Returns the patch; `by_tags` says whether it selects the MetaGraph by its tag-set."""
        patch, before = protos.SavedModelPatch(), self._interfaces.meta_graph
        if by_tags or self._interfaces.tags != before.tags:
            patch.tags.tag.extend(self._interfaces.tags)
            patch.tags.SetInParent()
        if self._interfaces.tags != before.tags:
            patch.set_tags.tag.extend(before.tags)
            patch.set_tags.SetInParent()
        for signature in self._interfaces.signatures.values():
            if signature.dropped:
                self.problems.append(f"signature {signature.ref.key!r} is deleted for good.")
            elif (
                signature.created
                or signature.ref.copy_of is not None
                or signature.ref.key in before.made_of
            ):
                patch.signature.add(key=signature.key, drop=True)
            elif signature.changed:
                patch.signature.append(self._signature(signature))
        return patch

    def _signature(self, signature: Interface) -> protos.SignaturePatch:
        undo = protos.SignaturePatch(key=signature.key)
        if signature.key != signature.ref.key:
            undo.rename_to = signature.ref.key
        if signature.method_name != signature.source_method_name:
            undo.method_name = signature.source_method_name
        if signature.examples is not None:
            self.problems.append(
                f"signature {signature.ref.key!r}: its inputs are read from tf.Examples, which no "
                "patch takes back; keep the model as it was."
            )
            return undo
        if signature.positional is not None:
            undo.positional = not signature.positional
        for side in SIDES:
            ends = (
                self._endpoint(signature, side, end) for end in signature.endpoints(side).values()
            )
            (undo.input if side == "input" else undo.output).extend(end for end in ends if end)
        undo.output.extend(protos.EndpointPatch(key=end.key, drop=True) for end in signature.added)
        self.problems += [
            f"signature {signature.ref.key!r}: input {end.key!r} is added for good."
            for end in signature.added_inputs
        ]
        return undo

    def _endpoint(self, signature: Interface, side: Side, end: Port) -> protos.EndpointPatch | None:
        if end.tensor is not None:
            self.problems.append(
                f"signature {signature.ref.key!r}: input {end.key!r} is fed at the tensor "
                f"{end.tensor!r} for good; keep the model as it was."
            )
            return None
        info = end.info
        where = f"signature {signature.ref.key!r}: {side} {end.source!r}"
        if end.dropped:
            if side == "output" and info.name and not self._interfaces.meta_graph.has_object_graph:
                return protos.EndpointPatch(key=end.source, from_tensor=info.name)
            what = "bound to a constant" if end.bound is not None else "dropped"
            self.problems.append(f"{where} is {what} for good.")
            return None
        if end.type is not None and end.type.steps:
            self.problems.append(
                f"{where} is converted by steps, which no patch takes back yet; keep the model as "
                "it was."
            )
        undo = protos.EndpointPatch(key=end.key)
        if end.renamed:
            undo.rename_to = end.source
        if end.node_name:
            undo.node_name = ""
        elif end.node_name is not None:
            self.problems.append(
                f"{where} loses a name that an earlier patch gave; no patch can give it that name "
                "again."
            )
        if end.default is not None:
            self.problems.append(f"{where} gets a default, which a patch cannot take away.")
        after = self._made[signature.key]
        changed = (after.inputs if side == "input" else after.outputs)[end.key]
        now, wanted = tensor_type(info), tensor_type(changed)
        if wanted.dtype != now.dtype:
            # What only a conversion needs: every patch that is recorded comes here.
            from sigpb.steps.conversion import dtype_steps, losses

            undo.dtype = dtype_name(now.dtype)
            if lost := losses(dtype_steps(now.dtype, wanted.dtype), now):
                self.problems.append(
                    f"{where} would not be what it was: {dtype_name(now.dtype)} → "
                    f"{dtype_name(wanted.dtype)} loses something ({'; '.join(lost)})."
                )
        if wanted.shape != now.shape:  # Outputs follow a batch size that changes.
            undo.shape = shape_text(now.shape)
            if end.type is not None and end.type.insist:
                undo.reshape = True
        is_changed = end.changed or undo.HasField("dtype") or undo.HasField("shape")
        return undo if is_changed else None
