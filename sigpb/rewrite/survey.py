"""Works out the interface of a signature: the types at its endpoints, and the nodes behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sigpb.errors import PatchError
from sigpb.graphs.placeholders import constant_default
from sigpb.rewrite.added_outputs import (
    AddedTensor,
    at_top_level,
    in_functions,
    inside_control_flow,
    made_of_outputs,
    named_by_calls,
    replaced_for,
    sent_type,
    unfed,
)
from sigpb.rewrite.conversion import Conversion, conversion, is_batch_relaxed
from sigpb.rewrite.examples import Features, features_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import BatchSize, Interface
from sigpb.rewrite.node_names import lost_names, moved_outputs, taken_names
from sigpb.rewrite.open_sizes import batch_size, followed_shapes, left_behind, opened_sizes
from sigpb.rewrite.port import Port, Side, WantedType, with_batch
from sigpb.rewrite.repeated_rows import with_rows
from sigpb.rewrite.restoration import restoration_of
from sigpb.rewrite.surveyed_graph import SurveyedGraph, tensors_of
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import (
    TensorType,
    converted_tensor,
    dtype_name,
    is_compatible,
    is_handle,
    shape_text,
    tensor_type,
    value_dtype,
)


def surveyed(signature: Interface, parts: GraphParts) -> Interface:
    """Returns a signature that converts values, or drops outputs, with what the graph says of that.

    Args:
        signature: What is wanted of it.
        parts: The graph as it is; its library receives variants of functions.

    Raises:
        PatchError: With all that is in the way.
    """
    if not signature.is_refed and (restored := restoration_of(signature, parts)):
        before, after = (
            {
                key: Conversion(type_, type_, (), ("restore",), (), type_)
                for key, type_ in types.items()
            }
            for types in (restored.inputs, restored.outputs)
        )
        return replace(_converted(signature, before, after), restored=restored)
    if not signature.converted:
        return signature
    survey = _Survey(signature, parts)
    interface = survey.run()
    if survey.problems:
        where = f"signature {signature.ref.key!r}"
        raise PatchError([f"{where}: {problem}" for problem in survey.problems])
    return interface


def _converted(
    plain: Interface, inputs: Mapping[str, Conversion], outputs: Mapping[str, Conversion]
) -> Interface:
    """Returns an interface with conversions, by the keys of endpoints in the model."""
    sides = ((plain.inputs, inputs), (plain.outputs, outputs))
    before, after = (
        {key: replace(port, conversion=changes.get(key)) for key, port in ports.items()}
        for ports, changes in sides
    )
    return replace(plain, inputs=before, outputs=after)


class _Survey(SurveyedGraph):
    """The work of one call of `surveyed`.

    Attributes:
        problems: What is in the way.
    """

    def __init__(self, signature: Interface, parts: GraphParts) -> None:
        super().__init__(signature, parts)
        self.problems: list[str] = []

    def run(self) -> Interface:
        try:
            self.feed_inside()
        except PatchError as error:
            self.problems += error.problems
            return self.signature
        self._check_inputs()
        self.problems += taken_names(self.signature, self.graph)
        inputs = {
            end.source: change
            for end in self.signature.taken
            if end.type and (change := self._input_conversion(end)) is not None
        }
        added, batch, opened = list[AddedTensor](), BatchSize(), list[BatchSize]()
        try:
            added = self._find_added()
            if not self.problems:
                fetched = tensors_of(self.signature.kept("output"))
                fetched += [each.tensor for each in added]
                batch = batch_size(self, inputs, fetched)
                opened = opened_sizes(self, inputs, fetched)
        except PatchError as error:
            self.problems += error.problems
        sizes = (batch, *opened)
        outputs = {
            end.source: change
            for end in self.signature.kept("output")
            if (change := self._output_conversion(end, sizes)) is not None
        }
        new_inputs = tuple(map(_with_type, self.signature.added_inputs))
        sent = {port.source: port for port in new_inputs}
        sent |= {port.source: port for port in _converted(self.signature, inputs, {}).kept("input")}
        more = [self._added(each, sizes) for each in added]
        for end in self.signature.added:
            if end.made_of("input") is not None:
                more.append(self._passed_on(end, sent))
        converted = _converted(self.signature, inputs, outputs)
        converted = replace(converted, added=tuple(each for each in more if each))
        try:
            converted = with_rows(converted)
        except PatchError as error:
            self.problems += error.problems
        read = self._read(converted)
        unchecked = list[str]()
        if not self.problems:
            contradictions, unchecked = followed_shapes(self, inputs)
            self.problems += contradictions
        return replace(
            converted,
            added_inputs=new_inputs,
            features=read.features,
            batch=batch,
            opened=tuple(opened),
            changed_nodes=self.changed_nodes,
            unchecked=tuple(unchecked),
            warnings=(
                *left_behind(self.signature, batch),
                *read.warnings,
                *lost_names(self.signature, self.graph, self.nodes),
                *moved_outputs(self.signature, self.nodes),
            ),
        )

    def _read(self, converted: Interface) -> Features:
        """Returns the features that the inputs of a signature are read from."""
        if converted.examples is None or self.problems:
            return Features((), (), ())
        defaults = {**self.signature_def.defaults}
        for end in converted.taken:
            # Steps would have to be undone for it, as for a placeholder with a default.
            default = None if end.type else constant_default(end.info.name, self.graph)
            if default is not None:
                defaults.setdefault(end.source, default)
        read = features_of(converted, defaults, converted.examples.key)
        self.problems += read.problems
        return read

    def _find_added(self) -> list[AddedTensor]:
        made = made_of_outputs(self.signature)
        for each in made:
            key = each.output.made_of("output") or ""
            self._check("output", self.signature.outputs[key])
        return made + self._find_computed()

    def _find_computed(self) -> list[AddedTensor]:
        outputs = self.signature.computed
        if not outputs:
            return []
        # Also those that compute what is dropped.
        nodes = self.nodes(tensors_of(self.signature.outputs.values()))
        if self.meta_graph.has_object_graph:
            # What tf.saved_model.load returns has to come from the function that it calls.
            top = named_by_calls(outputs, self.graph.type_of, nodes)
        else:
            top = at_top_level(outputs, self.graph.type_of, nodes)
            self.problems += inside_control_flow(top, self.graph.nodes)
            own = {*nodes, *map(producer, self.fed)} if top else set()
            replaced = replaced_for(own, self.graph)
            self.problems += unfed(top, self.graph.nodes, self.fed, replaced)
        others = [output for output in outputs if all(output is not each.output for each in top)]
        if not others:
            return top
        inner, changed = in_functions(others, nodes, self.library, self.op_defs)
        self.changed_nodes.update(changed)
        return [*top, *inner]

    def _conversion(self, side: Side, end: Port, now: TensorType) -> Conversion | None:
        """Returns how an endpoint is converted, or None if it cannot be."""
        try:
            return conversion(side, now, end.type or WantedType())
        except ConversionError as error:
            self.problems.append(f"{side} {end.key!r}: {error}")
            return None

    def _check_inputs(self) -> None:
        """Makes sure that inputs whose values are converted are fed on their own."""
        tensors: dict[str, str] = {}
        for end in self.signature.inputs.values():
            is_read = self.signature.examples is not None
            if end.converted or end.default is not None or is_read:
                self._check("input", end)
            if end.converted or is_read:
                tensors[converted_tensor(end.info)] = end.source
        for end in self.signature.inputs.values():
            for tensor in end.tensors:
                if tensors.get(tensor, end.source) != end.source:
                    self.problems.append(
                        f"inputs {tensors[tensor]!r} and {end.source!r} are the same tensor, "
                        f"{tensor!r}, so neither can be converted; export the model with a "
                        "placeholder for each."
                    )

    def _check(self, side: Side, end: Port) -> None:
        """Makes sure that the graph says of an endpoint what the signature says."""
        tensor, stated = converted_tensor(end.info), tensor_type(end.info)
        actual = self.type_of(tensor)
        where = f"{side} {end.source!r} is the tensor {tensor!r}"
        if actual is None:
            self.problems.append(f"{where}, which the graph does not have.")
            return
        if actual.dtype and value_dtype(actual.dtype) != stated.dtype:
            self.problems.append(
                f"{where}, whose dtype is {dtype_name(actual.dtype)} in the graph, not "
                f"{dtype_name(stated.dtype)} as the signature says; correct the signature first."
            )
        if not is_compatible(actual.shape, stated.shape):
            self.problems.append(
                f"{where}, whose shape is {shape_text(actual.shape)} in the graph, not "
                f"{shape_text(stated.shape)} as the signature says; correct the signature first."
            )

    def _input_conversion(self, end: Port) -> Conversion | None:
        change = self._conversion("input", end, tensor_type(end.info))
        actual = self.type_of(converted_tensor(end.info))
        if change and not self.problems and actual:
            taken = actual.shape
            if is_batch_relaxed(taken, change.inside.shape):
                taken = with_batch(taken, None)
            if not is_compatible(taken, change.inside.shape):
                self.problems.append(
                    f"input {end.source!r}: the graph takes {shape_text(actual.shape)}, so that it "
                    f"cannot be fed {shape_text(change.inside.shape)}."
                )
        return change

    def _output_conversion(self, end: Port, sizes: Iterable[BatchSize]) -> Conversion | None:
        now = tensor_type(end.info)
        followed = _followed(converted_tensor(end.info), now, sizes)
        if end.type is None and followed == now:
            if end.node_name is not None:
                self._check("output", end)
            return None
        self._check("output", end)
        return self._conversion("output", end, followed)

    def _added(self, added: AddedTensor, sizes: Iterable[BatchSize]) -> Port | None:
        end, tensor, now, result = added
        if not now.dtype:
            self.problems.append(
                f"output {end.key!r} cannot be added: sigpb does not know the op of {tensor!r}, "
                "nor does the model say what it returns."
            )
            return None
        if is_handle(now.dtype) or value_dtype(now.dtype) != now.dtype:
            self.problems.append(
                f"output {end.key!r} cannot be added: {tensor!r} is a {dtype_name(now.dtype)}, a "
                "handle that only the graph itself can use."
            )
            return None
        change = self._conversion("output", end, _followed(tensor, now, sizes))
        return replace(end, conversion=change, found=tensor, result=result) if change else None

    def _passed_on(self, end: Port, sent: Mapping[str, Port]) -> Port | None:
        """Returns an output that returns what clients send as one of the inputs there are then."""
        try:
            change = self._conversion("output", end, sent_type(end, self.signature, sent))
        except PatchError as error:
            self.problems += error.problems
            return None
        return replace(end, conversion=change) if change else None


def _with_type(port: Port) -> Port:
    """Returns an input that is added with the type that clients see."""
    assert port.type is not None, "a patch states the type of an input that it adds"
    type_ = port.type.of(TensorType(0, None))
    return replace(port, conversion=Conversion(type_, type_, (), (), (), type_))


def _followed(tensor: str, now: TensorType, sizes: Iterable[BatchSize]) -> TensorType:
    """Returns the type that a tensor has after all changes of sizes."""
    for size in sizes:
        now = size.follow(tensor, now)
    return now
