"""The mapping that a plan amounts to."""

from __future__ import annotations

from dataclasses import replace

from sigpb import protos
from sigpb.graph.stated_shapes import merged
from sigpb.patching.plan import Plan
from sigpb.rewrite.boundary import NO_BOUNDARY, Added, Boundary, boundary_of
from sigpb.rewrite.conversion import Conversion
from sigpb.rewrite.draft import EndpointDraft, MetaGraphDraft, SignatureDraft
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import SavedModel
from sigpb.steps.conversion import convert
from sigpb.tensor_types import (
    Shape,
    TensorType,
    declared_type,
    encoding_of,
    shape_of,
    tensor_names,
    value_dtype,
)
from sigpb.verifying.mapping import (
    SUFFIXES,
    AddedOutput,
    Component,
    InputMapping,
    Mapping,
    MetaGraphMapping,
    OutputMapping,
    SignatureMapping,
)


def mapping_of(model: SavedModel, plan: Plan) -> Mapping:
    """Returns what the signatures of a model are once a plan for it is carried out.

    Raises:
        PatchError: With all in the graph that is in the way of the plan.
    """
    drafts = plan.drafts(model)
    return Mapping(
        tuple(
            _meta_graph(drafts.get(index) or MetaGraphDraft.of(graph))
            for index, graph in enumerate(model.meta_graphs)
        )
    )


def unchanged(model: SavedModel) -> Mapping:
    """Returns the mapping to a model with the same signatures."""
    return mapping_of(model, Plan(model.directory, protos.SavedModelPatch(), ()))


def _meta_graph(draft: MetaGraphDraft) -> MetaGraphMapping:
    survey = _Survey(draft)
    signatures = tuple(survey.signature(signature) for signature in draft.kept())
    return MetaGraphMapping(draft.meta_graph.tags, draft.tags, signatures)


class _Survey:
    """The MetaGraph as it is."""

    def __init__(self, draft: MetaGraphDraft) -> None:
        self._parts = GraphParts(draft.meta_graph)

    def signature(self, signature: SignatureDraft) -> SignatureMapping:
        """Returns what becomes of a signature."""
        before, boundary = self._parts.meta_graph.signatures[signature.ref.source], NO_BOUNDARY
        if signature.converted:
            boundary = _with_steps_back(boundary_of(signature, self._parts), before)
        return SignatureMapping(
            signature.ref.source,
            signature.key,
            tuple(
                self._input(end, before.inputs[end.source], boundary)
                for end in signature.inputs.values()
            ),
            tuple(
                _output(end, before.outputs[end.source], boundary)
                for end in signature.kept("output")
            ),
            tuple(self._added(each, boundary) for each in boundary.added),
            signature.changed,
        )

    def _added(self, added: Added, boundary: Boundary) -> AddedOutput:
        # A result that only a variant of a function has is found by its name in the function.
        tensor = added.tensor if self._parts.top.type_of(added.tensor) else added.name
        axis = boundary.batch.axis_of(added.tensor) if boundary.batch.relaxed else None
        change = added.conversion
        return AddedOutput(added.key, tensor, change.outside, change.steps, axis)

    def _input(
        self, end: EndpointDraft, info: protos.TensorInfo, boundary: Boundary
    ) -> InputMapping:
        change = boundary.inputs.get(end.source)
        value = None if end.bound is None else end.bound.SerializeToString(deterministic=True)
        return InputMapping(
            end.source,
            None if end.dropped else end.key,
            encoding_of(info),
            _declared(info, change),
            self._components(info, change),
            value_dtype(info.dtype),
            change.steps if change else (),
            value,
            end.rows_of,
            _relaxed_size(shape_of(info.tensor_shape), change.inside.shape) if change else None,
        )

    def _components(
        self, info: protos.TensorInfo, change: Conversion | None
    ) -> tuple[Component, ...]:
        tensors, suffixes = tensor_names(info), _suffixes(info)
        if encoding_of(info) == "dense":
            if change:
                shape = merged(change.outside.shape, change.inside.shape)
                type_ = TensorType(change.outside.dtype, shape)
            else:
                type_ = self._actual_type(info.name, declared_type(info))
            return (Component("", info.name, type_),)
        if encoding_of(info) == "coo_sparse":
            integers = protos.DataType.Value("DT_INT64")
            shape = shape_of(info.tensor_shape)
            types = [
                TensorType(change.outside.dtype if change else value_dtype(info.dtype), (None,)),
                TensorType(integers, (None, None if shape is None else len(shape))),
                TensorType(integers, (None if shape is None else len(shape),)),
            ]
        else:
            types = [declared_type(part) for part in info.composite_tensor.components]
        return tuple(map(Component, suffixes, tensors, types))

    def _actual_type(self, tensor: str, declared: TensorType) -> TensorType:
        """Returns what the graph says of a tensor; signatures of old models can be wrong."""
        actual = self._parts.top.type_of(tensor)
        if actual is None:
            return declared
        dtype = value_dtype(actual.dtype) or declared.dtype
        if actual.shape is None and declared.shape == ():
            return TensorType(dtype, None)  # In graphs of TensorFlow 1.0, [] is an unknown shape.
        return TensorType(dtype, merged(actual.shape, declared.shape))


def _with_steps_back(boundary: Boundary, before: protos.SignatureDef) -> Boundary:
    """Returns a boundary with what turns the values of a restored signature into those it had."""
    if boundary.restored is None:
        return boundary
    inputs, outputs = {}, {}
    for key, change in boundary.inputs.items():
        now = declared_type(before.inputs[key])
        inputs[key] = replace(change, inside=now, steps=convert(change.outside, now))
    for key, change in boundary.outputs.items():
        now = declared_type(before.outputs[key])
        outputs[key] = replace(change, inside=now, steps=convert(now, change.outside))
    return replace(boundary, inputs=inputs, outputs=outputs)


def _output(end: EndpointDraft, info: protos.TensorInfo, boundary: Boundary) -> OutputMapping:
    change = boundary.outputs.get(end.source)
    return OutputMapping(
        end.source,
        end.key,
        _declared(info, change),
        _suffixes(info),
        change.steps if change else (),
        _relaxed_axis(shape_of(info.tensor_shape), change.inside.shape) if change else None,
    )


def _declared(info: protos.TensorInfo, change: Conversion | None) -> TensorType:
    if change is None:
        return declared_type(info)
    if encoding_of(info) == "coo_sparse":
        return TensorType(change.outside.dtype, shape_of(info.tensor_shape))
    return change.outside


def _suffixes(info: protos.TensorInfo) -> tuple[str, ...]:
    encoding = encoding_of(info)
    if encoding == "composite":
        return tuple(f"_component_{i}" for i in range(len(info.composite_tensor.components)))
    return SUFFIXES.get(encoding, ("",))


def _relaxed_axis(before: Shape, after: Shape) -> int | None:
    """Returns the dimension that was fixed and is open."""
    if before is None or after is None or len(before) != len(after):
        return None
    sizes = zip(before, after, strict=True)
    return next((i for i, (a, b) in enumerate(sizes) if a is not None and b is None), None)


def _relaxed_size(before: Shape, after: Shape) -> int | None:
    axis = _relaxed_axis(before, after)
    return before[axis] if before and axis == 0 else None
