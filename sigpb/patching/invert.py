"""The patch that undoes another one."""

from __future__ import annotations

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.patching.plan import Plan
from sigpb.rewrite.boundary import tensor_type
from sigpb.rewrite.draft import EndpointDraft, MetaGraphDraft, Side, SignatureDraft
from sigpb.saved_model.model import SavedModel
from sigpb.steps.conversion import convert, losses
from sigpb.tensor_types import dtype_name, shape_text

_SIDES: tuple[Side, Side] = ("input", "output")


def invert(model: SavedModel, plan: Plan) -> protos.SavedModelPatch:
    """Returns the patch that undoes what a plan does.

    Args:
        model: The model as it was, or is, before.
        plan: A plan for it.

    Raises:
        PatchError: With all that cannot be undone, and why.
    """
    if plan.is_empty:
        return protos.SavedModelPatch()
    problems: list[str] = []
    patches = []
    for draft in plan.drafts(model).values():
        inverse = _Inverse(draft)
        patches.append(inverse.patch(by_tags=plan.patch.HasField("tags")))
        problems += [each for each in inverse.problems if each not in problems]
    if any(patch != patches[0] for patch in patches):
        problems.append(
            "the MetaGraphs that the patch changes would need different patches; select one by its "
            "tags."
        )
    if problems:
        raise PatchError(problems)
    undo = patches[0]
    undo.id = f"undo-{plan.patch.id}" if plan.patch.id else "undo"
    undo.reason = f"undoes: {plan.patch.reason}" if plan.patch.reason else ""
    return undo


class _Inverse:
    """The patch that undoes a draft.

    Attributes:
        problems: What cannot be undone.
    """

    def __init__(self, draft: MetaGraphDraft) -> None:
        self._draft = draft
        self.problems: list[str] = []

    def patch(self, *, by_tags: bool) -> protos.SavedModelPatch:
        """Returns the patch; `by_tags` says whether it selects the MetaGraph by its tag-set."""
        patch, before = protos.SavedModelPatch(), self._draft.meta_graph
        if by_tags or self._draft.tags != before.tags:
            patch.tags.tag.extend(self._draft.tags)
            patch.tags.SetInParent()
        if self._draft.tags != before.tags:
            patch.set_tags.tag.extend(before.tags)
            patch.set_tags.SetInParent()
        for signature in self._draft.signatures.values():
            if signature.dropped:
                self.problems.append(f"signature {signature.ref.key!r} is deleted for good.")
            elif signature.ref.copy_of is not None:
                patch.signature.add(key=signature.key, drop=True)
            elif signature.changed:
                patch.signature.append(self._signature(signature))
        return patch

    def _signature(self, signature: SignatureDraft) -> protos.SignaturePatch:
        undo = protos.SignaturePatch(key=signature.key)
        if signature.key != signature.ref.key:
            undo.rename_to = signature.ref.key
        if signature.method_name != signature.source_method_name:
            undo.method_name = signature.source_method_name
        for side in _SIDES:
            ends = (
                self._endpoint(signature, side, end)
                for end in signature.endpoints(side).values()
                if end.changed
            )
            (undo.input if side == "input" else undo.output).extend(end for end in ends if end)
        undo.output.extend(protos.EndpointPatch(key=end.key, drop=True) for end in signature.added)
        return undo

    def _endpoint(
        self, signature: SignatureDraft, side: Side, end: EndpointDraft
    ) -> protos.EndpointPatch | None:
        before = self._draft.meta_graph.signatures[signature.ref.source]
        info = (before.inputs if side == "input" else before.outputs)[end.source]
        where = f"signature {signature.ref.key!r}: {side} {end.source!r}"
        if end.dropped:
            if side == "output" and info.name and not self._draft.meta_graph.has_object_graph:
                return protos.EndpointPatch(key=end.source, from_tensor=info.name)
            what = "bound to a constant" if end.bound is not None else "dropped"
            self.problems.append(f"{where} is {what} for good.")
            return None
        undo = protos.EndpointPatch(key=end.key)
        if end.renamed:
            undo.rename_to = end.source
        if end.default is not None:
            self.problems.append(f"{where} gets a default, which a patch cannot take away.")
        if end.type is not None:
            now = tensor_type(info)
            wanted = end.type.of(now)
            if lost := losses(convert(now, wanted, insist=True), now):
                self.problems.append(
                    f"{where} would not be what it was: {dtype_name(now.dtype)} → "
                    f"{dtype_name(wanted.dtype)} loses something ({'; '.join(lost)})."
                )
            if wanted.dtype != now.dtype:
                undo.dtype = dtype_name(now.dtype)
            if wanted.shape != now.shape:
                undo.shape = shape_text(now.shape)
                if end.type.insist:
                    undo.reshape = True
        return undo
