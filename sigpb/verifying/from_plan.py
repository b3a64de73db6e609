"""The mapping that a plan amounts to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sigpb import protos
from sigpb.patching.plan import Plan, asks_for_whole_graphs
from sigpb.rewrite.conversion import Conversion, opened_axes
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft, interfaces_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Feature, Interface
from sigpb.rewrite.port import SIDES, Port, Side
from sigpb.saved_model.model import SavedModel
from sigpb.steps.conversion import convert
from sigpb.steps.step import Step
from sigpb.tf.stated_shapes import merged
from sigpb.tf.tensor_types import (
    Shape,
    TensorType,
    converted_tensor,
    declared_type,
    encoding_of,
    shape_of,
    tensor_names,
    value_dtype,
)
from sigpb.verifying.adapters_of_plan import adapters_of, taken_out
from sigpb.verifying.mapping import (
    AdapterMapping,
    AddedOutput,
    Component,
    FunctionPlace,
    InputMapping,
    MetaGraphMapping,
    ModelMapping,
    OutputMapping,
    SignatureMapping,
    suffixes_of,
)


def mapping_of(model: SavedModel, plan: Plan) -> ModelMapping:
    """Returns what the signatures of a model are once a plan for it is carried out."""
    interfaces = plan.interfaces
    mapping = ModelMapping(
        tuple(
            _meta_graph(
                interfaces.get(index) or interfaces_of(MetaGraphDraft.of(graph)),
                adapters_of(plan, index),
                taken_out(plan, index),
            )
            for index, graph in enumerate(model.meta_graphs)
            if index not in plan.dropped
        )
    )
    if asks_for_whole_graphs(plan.patch):
        return mapping.with_signatures(lambda each: [replace(each, concerned=True)])
    return mapping


def identity_mapping(model: SavedModel) -> ModelMapping:
    """Returns the mapping to a model with the same signatures."""
    return mapping_of(model, Plan(model.directory, protos.SavedModelPatch(), ()))


def _meta_graph(
    interfaces: Interfaces,
    adapters: Mapping[str, tuple[AdapterMapping, ...]],
    lost: Mapping[str, str],
) -> MetaGraphMapping:
    """Returns what becomes of the signatures of a MetaGraph.

    Args:
        interfaces: What they are to be, but for the adapters that they lose.
        adapters: The adapters that they get, by the keys that they have in the model.
        lost: An adapter that they lose, likewise.
    """
    survey = _MappedGraph(interfaces.parts)

    def mapped(interface: Interface) -> SignatureMapping:
        mapping, key = survey.signature(interface), interface.ref.source
        if key in lost:
            why = (
                f"the adapter {lost[key]!r} is taken out, and what is left is not in the old model"
            )
            return replace(mapping, concerned=True, incomparable=why)
        if key in adapters:
            return replace(mapping, concerned=True, adapters=adapters[key])
        return mapping

    signatures = tuple(map(mapped, interfaces.kept()))
    return MetaGraphMapping(interfaces.meta_graph.tags, interfaces.tags, signatures)


class _MappedGraph:
    """The MetaGraph as it is."""

    def __init__(self, parts: GraphParts) -> None:
        self._parts = parts

    def signature(self, interface: Interface) -> SignatureMapping:
        """Returns what becomes of a signature."""
        inputs, outputs = (_with_steps_back(interface, side) for side in SIDES)
        features = {feature.source: feature for feature in interface.features}
        made_of = self._parts.meta_graph.made_of.get(interface.ref.source)
        kept = [port for port in outputs if not port.dropped]
        repeated = [port for port in interface.added if port.made_of("output") is not None]
        kept += (_repeated(port, interface) for port in repeated)
        others = (port for port in interface.added if port.made_of("output") is None)
        added = [self._added(port, interface) for port in others]
        mapping = SignatureMapping(
            interface.ref.source,
            interface.key,
            (
                *(self._input(port, features.get(port.source)) for port in inputs),
                *map(_added_input, interface.added_inputs),
            ),
            tuple(_output(port, interface) for port in kept),
            tuple(added),
            interface.changed or made_of is not None,
            None if made_of is None else FunctionPlace(made_of.way, made_of.number),
            None if interface.examples is None else interface.examples.key,
        )
        if not interface.created:
            return mapping
        fed = {port.source: port.info.name for port in inputs}
        added += [
            _created(port.info.name, output)
            for port, output in zip(kept, mapping.outputs, strict=True)
        ]
        return replace(mapping, outputs=(), added=tuple(added), fed=fed)

    def _added(self, port: Port, interface: Interface) -> AddedOutput:
        if (key := port.made_of("input")) is not None:
            fed = next(each.key for each in interface.ports("input") if each.source == key)
            return AddedOutput(port.key, fed, port.outside, _steps(port), None, port.rows_of, fed)
        batch = interface.batch
        # A result that only a variant of a function has is found by its name in the function.
        tensor = port.found if self._parts.top.type_of(port.found) else port.tensor or ""
        axis = batch.axis_of(port.found) if batch.relaxed else None
        return AddedOutput(port.key, tensor, port.outside, _steps(port), axis, port.rows_of)

    def _input(self, port: Port, feature: Feature | None) -> InputMapping:
        info, change = port.info, port.conversion
        components = self._components(info, change)
        if feature is not None:
            components = (Component("", info.name, feature.type),)
        return InputMapping(
            port.source,
            None if port.dropped else port.key,
            encoding_of(info),
            _declared(info, change),
            components,
            value_dtype(info.dtype),
            (*(feature.steps if feature else ()), *_steps(port)),
            _written(port.bound),
            port.rows_of,
            _relaxed_size(shape_of(info.tensor_shape), change.inside.shape) if change else None,
            port.tensor,
            _opened_beside_batch(info, change),
            _written(None if feature is None else feature.default),
        )

    def _components(
        self, info: protos.TensorInfo, change: Conversion | None
    ) -> tuple[Component, ...]:
        tensors, suffixes = tensor_names(info), suffixes_of(info)
        if encoding_of(info) == "dense":
            if change:
                shape = merged(change.outside.shape, change.inside.shape)
                if shape is not None and change.outside.shape == change.inside.shape:
                    for axis in _opened_beside_batch(info, change):
                        shape = (
                            *shape[:axis],
                            info.tensor_shape.dim[axis].size,
                            *shape[axis + 1 :],
                        )
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


def _written(value: protos.TensorProto | None) -> bytes | None:
    return None if value is None else value.SerializeToString(deterministic=True)


def _added_input(port: Port) -> InputMapping:
    component = Component("", port.key, port.outside)
    return InputMapping(None, port.key, "dense", port.outside, (component,), port.outside.dtype)


def _repeated(port: Port, interface: Interface) -> Port:
    """Returns an output that is made of another one as if that one were to become it."""
    key = port.made_of("output") or ""
    return replace(port, source=key, infos=interface.outputs[key].infos, tensor=None)


def _with_steps_back(interface: Interface, side: Side) -> list[Port]:
    """Returns ports, those of a restored signature with what turns values into those it had."""
    ports = interface.endpoints(side).values()
    if interface.restored is None:
        return [*ports]
    if not interface.converted:
        return [replace(port, conversion=None) for port in ports]
    return [_with_steps(port, side) for port in ports]


def _with_steps(port: Port, side: Side) -> Port:
    change, now = port.conversion, declared_type(port.info)
    if change is None:
        return port
    first, last = (change.outside, now) if side == "input" else (now, change.outside)
    return replace(port, conversion=replace(change, inside=now, steps=convert(first, last)))


def _steps(port: Port) -> tuple[Step, ...]:
    return port.conversion.steps if port.conversion else ()


def _output(port: Port, interface: Interface) -> OutputMapping:
    info, change = port.info, port.conversion
    axis = _relaxed_axis(shape_of(info.tensor_shape), change.inside.shape) if change else None
    if interface.opened:
        batch = interface.batch
        axis = batch.axis_of(converted_tensor(info)) if batch.relaxed else None
    return OutputMapping(
        port.source,
        port.key,
        _declared(info, change),
        suffixes_of(info),
        _steps(port),
        axis,
        port.rows_of,
    )


def _created(tensor: str, output: OutputMapping) -> AddedOutput:
    return AddedOutput(
        *(output.new, tensor, output.declared, output.steps, output.batch_axis, output.rows_of)
    )


def _declared(info: protos.TensorInfo, change: Conversion | None) -> TensorType:
    if change is None:
        return declared_type(info)
    if encoding_of(info) == "coo_sparse":
        return TensorType(change.outside.dtype, shape_of(info.tensor_shape))
    return change.outside


def _opened_beside_batch(info: protos.TensorInfo, change: Conversion | None) -> tuple[int, ...]:
    """Returns the dimensions, but for the first, that the old model fixes and the new does not."""
    axes = opened_axes(shape_of(info.tensor_shape), change.inside.shape) if change else ()
    return tuple(axis for axis in axes if axis)


def _relaxed_axis(before: Shape, after: Shape) -> int | None:
    """Returns the dimension that was fixed and is open."""
    if before is None or after is None or len(before) != len(after):
        return None
    sizes = zip(before, after, strict=True)
    return next((i for i, (a, b) in enumerate(sizes) if a is not None and b is None), None)


def _relaxed_size(before: Shape, after: Shape) -> int | None:
    axis = _relaxed_axis(before, after)
    return before[axis] if before and axis == 0 else None
