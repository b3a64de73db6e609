"""Works out the interface of a signature: the types at its endpoints, and the nodes behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graph.cone import computing
from sigpb.graph.placeholders import constant_default
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
from sigpb.rewrite.conversion import Conversion, conversion, is_batch_relaxed, opened_axes
from sigpb.rewrite.examples import Features, features_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import (
    BatchSize,
    Interface,
    Port,
    Side,
    WantedType,
    fed_tensors,
    with_batch,
)
from sigpb.rewrite.node_names import lost_names, moved_outputs, taken_names
from sigpb.rewrite.repeated_rows import with_rows
from sigpb.rewrite.restoration import restoration_of
from sigpb.steps.step import ConversionError
from sigpb.tf.stated_shapes import merged, stated_shape
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.tf.tensor_types import (
    Shape,
    TensorType,
    converted_tensor,
    declared_type,
    dtype_name,
    is_compatible,
    shape_of,
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


class _Survey:
    """The work of one call of `surveyed`.

    Attributes:
        problems: What is in the way.
    """

    def __init__(self, signature: Interface, parts: GraphParts) -> None:
        self.meta_graph = parts.meta_graph
        self.signature_def = self.meta_graph.signatures[signature.ref.source]
        self.signature, self.parts = signature, parts
        self.graph, self.library, self.op_defs = parts.top, parts.library, parts.op_defs
        self.problems: list[str] = []
        self.changed_nodes: dict[str, protos.NodeDef] = {}
        self.stand_ins: Mapping[str, protos.NodeDef] = {}
        self.fed_nodes: dict[str, protos.NodeDef] = {}
        self.fed = {*fed_tensors(self.signature_def)}

    def run(self) -> Interface:
        try:
            self._feed_inside()
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
                fetched = _tensors(self.signature.kept("output"))
                fetched += [each.tensor for each in added]
                batch = self._batch_size(inputs, fetched)
                self.changed_nodes.update(batch.nodes)
                opened = self._opened(inputs, fetched)
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
        return replace(
            converted,
            added_inputs=new_inputs,
            features=read.features,
            batch=batch,
            opened=tuple(opened),
            changed_nodes=self.changed_nodes,
            unchecked=() if self.problems else tuple(self._follow_shapes(inputs)),
            warnings=(
                *self._left_behind(batch),
                *read.warnings,
                *lost_names(self.signature, self.graph, self._nodes),
                *moved_outputs(self.signature, self._nodes),
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

    def _feed_inside(self) -> None:
        """Has inputs fed inside of the graph, and others go, if a patch says so.

        Raises:
            PatchError: With all that is in the way.
        """
        if not self.signature.is_refed:
            return
        from sigpb.rewrite.interior_inputs import refed

        nodes = self._nodes(_tensors(self.signature.kept("output")))
        self.signature, changed, self.stand_ins = refed(self.signature, nodes, self.parts)
        self.changed_nodes.update(changed)
        ports = (port for port in self.signature.inputs.values() if not port.is_gone)
        self.fed = {*map(canonical, _tensors(ports))}

    def _type_of(self, tensor: str) -> TensorType | None:
        """Returns what the graph says of a tensor, or of what stands for one in a function."""
        stand_in = self.stand_ins.get(producer(tensor))
        if stand_in is not None:
            return TensorType(stand_in.attr["dtype"].type, stated_shape(stand_in))
        return self.graph.type_of(tensor)

    def _batch_size(self, inputs: Mapping[str, Conversion], fetched: Sequence[str]) -> BatchSize:
        """Returns the batch size that changes when inputs are converted.

        Args:
            inputs: How they are converted.
            fetched: The tensors that the signature returns.

        Raises:
            PatchError: With all nodes that rely on the old batch size.
        """
        infos = {key: port.info for key, port in self.signature.inputs.items()}
        shapes = {key: shape_of(infos[key].tensor_shape) for key in inputs}
        # What steps make of what clients send is the model's; a reshape alone says no batch size.
        new_shapes = {key: change.made.shape for key, change in inputs.items()}
        opened = [
            key
            for key in inputs
            if is_batch_relaxed(shapes[key], new_shapes[key])
            or 0 in opened_axes(shapes[key], new_shapes[key])
        ]
        relaxed = [key for key in opened if not _is_open(self._type_of(infos[key].name))]
        fixed = [key for key in inputs if is_batch_relaxed(new_shapes[key], shapes[key])]
        before = {_first(shapes[key]) for key in relaxed}
        after = {_first(new_shapes[key]) for key in opened or fixed}
        if len(before) > 1:
            raise PatchError(
                f"the inputs {', '.join(map(repr, relaxed))} have the batch sizes "
                f"{', '.join(sorted(map(str, before)))}; only one can be relaxed at a time."
            )
        if len(after) != 1:
            return BatchSize()
        from sigpb.batch_size.dimension import BatchError, relax_nodes

        size, nodes = before.pop() if before else None, self._nodes(fetched)
        results, beside = [*map(_output, fetched)], tuple[str, ...]()

        def axes() -> dict[tuple[str, int], int]:
            outputs = (_output(infos[key].name) for key in (*(opened or fixed), *beside))
            return {output: 0 for output in outputs if output[0] in nodes}

        try:
            result = relax_nodes(nodes, axes(), size, self.library, results)
        except BatchError as error:
            beside = tuple(self._open_beside(inputs)) if relaxed else ()
            if not beside:
                raise PatchError(error.problems) from error
            try:
                result = relax_nodes(nodes, axes(), size, self.library, results)
            except BatchError as other:
                raise PatchError(other.problems) from other
        changed = self._changed_by(result.nodes, {name for name, _ in axes()})
        return BatchSize(tuple(relaxed), size, after.pop(), result.axes, changed, beside)

    def _opened(self, inputs: Mapping[str, Conversion], fetched: Sequence[str]) -> list[BatchSize]:
        """Returns the sizes, other than the batch size, that are open once inputs are converted.

        Each is followed as if it were the batch: what is computed at one place of that dimension
        may not depend on what is at another.

        Args:
            inputs: How inputs are converted.
            fetched: The tensors that the signature returns.

        Raises:
            PatchError: With all nodes that rely on such a size.
        """
        wanted: dict[tuple[int, int], list[str]] = defaultdict(list)
        for key, change in inputs.items():
            info = self.signature.inputs[key].info
            graph = self._type_of(info.name)
            before = shape_of(info.tensor_shape)
            for axis in opened_axes(before, change.inside.shape):
                size = before[axis] if before else None
                is_open = graph is not None and graph.shape and graph.shape[axis] is None
                if axis and size is not None and not is_open:
                    wanted[axis, size].append(key)
        found = list[BatchSize]()
        for (axis, size), keys in sorted(wanted.items()):
            together = list[str]()
            for key in keys:
                # Inputs that have nothing to do with each other may be of different sizes.
                try:
                    found.append(self._open(axis, size, [key], fetched))
                except PatchError:
                    together.append(key)
            if together:
                found.append(self._open(axis, size, together, fetched))
        return found

    def _changed_by(
        self, nodes: Mapping[str, Sequence[protos.NodeDef]], fed: Collection[str]
    ) -> dict[str, protos.NodeDef]:
        """Returns the nodes that an open size changes, without those that are fed.

        Of these the shapes are noted, for the next size that is opened.
        """
        changed = {node.name: node for group in nodes.values() for node in group}
        self.fed_nodes.update({name: changed.pop(name) for name in fed if name in changed})
        return changed

    def _open(self, axis: int, size: int, keys: Sequence[str], fetched: Sequence[str]) -> BatchSize:
        from sigpb.batch_size.dimension import BatchError, relax_nodes
        from sigpb.batch_size.literals import may_be_made_of

        nodes = self._nodes(fetched)
        outputs = [_output(self.signature.inputs[key].info.name) for key in keys]
        axes = {output: axis for output in outputs if output[0] in nodes}
        try:
            if problems := [*may_be_made_of(nodes, size, self.library)]:
                raise BatchError(problems)
            result = relax_nodes(nodes, axes, size, self.library, [*map(_output, fetched)])
        except BatchError as error:
            raise PatchError(
                [
                    f"dimension {axis} of input {' and '.join(map(repr, keys))} cannot be opened, "
                    f"taken for a batch of {size}: {problem}"
                    for problem in error.problems
                ]
            ) from error
        changed = self._changed_by(result.nodes, {name for name, _ in axes})
        self.changed_nodes.update(changed)
        return BatchSize(tuple(keys), size, None, result.axes, changed, axis=axis)

    def _open_beside(self, converted: Collection[str]) -> Iterator[str]:
        """Yields inputs that are not converted and whose first dimension is open."""
        for key, port in self.signature.inputs.items():
            name = port.info.name
            is_stated = name and _is_open(declared_type(port.info))
            if key not in converted and is_stated and _is_open(self._type_of(name)):
                yield key

    def _left_behind(self, batch: BatchSize) -> Iterator[str]:
        """Yields the outputs that do not follow a batch size that is opened."""
        for end in self.signature.kept("output") if batch.relaxed else ():
            shape = batch.follow(converted_tensor(end.info), tensor_type(end.info)).shape
            if end.type is None and shape is not None and None not in shape[:1]:
                yield (
                    f"signature {self.signature.ref.key!r}: output {end.key!r} keeps the shape "
                    f"{shape_text(shape)} for every batch size: it is made of constants, or is one "
                    "value for all examples."
                )

    def _follow_shapes(self, inputs: Mapping[str, Conversion]) -> Iterator[str]:
        """Makes sure that the graph takes the shapes that inputs are to have.

        Yields:
            What is not known of that.
        """
        refined: dict[tuple[str, int], Shape] = {}
        for key, change in inputs.items():
            tensor = converted_tensor(self.signature.inputs[key].info)
            if actual := self._type_of(tensor):
                # A batch size that is opened is not followed again.
                shape = merged(change.arriving, actual.shape)
                if shape != actual.shape:
                    refined[_output(tensor)] = shape
        if not refined:
            return
        from sigpb.batch_size.refined_shapes import follow

        followed = follow(
            self._nodes(_tensors(self.signature.kept("output"))), refined, self.library
        )
        self.problems += [
            f"{what}, so that sessions could not load the model, or not run it; state shapes that "
            "the graph takes."
            for what in followed.contradictions
        ]
        if followed.unchecked:
            first, *others = followed.unchecked
            more = f" and {len(others)} more" if others else ""
            yield f"whether {first}{more} can take the shapes that inputs are to have"

    def _nodes(self, fetched: Sequence[str]) -> dict[str, protos.NodeDef]:
        """Returns the nodes that some tensors are computed by, as they are to be."""
        nodes = {**self.graph.nodes, **self.changed_nodes, **self.stand_ins, **self.fed_nodes}
        return computing(nodes, fetched, self.fed)

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
        nodes = self._nodes(_tensors(self.signature.outputs.values()))
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
                        f"{tensor!r}, so that neither can be converted; export the model with a "
                        "placeholder for each."
                    )

    def _check(self, side: Side, end: Port) -> None:
        """Makes sure that the graph says of an endpoint what the signature says."""
        tensor, stated = converted_tensor(end.info), tensor_type(end.info)
        actual = self._type_of(tensor)
        where = f"{side} {end.source!r} is the tensor {tensor!r}"
        if actual is None:
            self.problems.append(f"{where}, which the graph does not have.")
            return
        if actual.dtype and value_dtype(actual.dtype) != stated.dtype:
            self.problems.append(
                f"{where}, whose dtype is {dtype_name(actual.dtype)} in the graph, not "
                f"{dtype_name(stated.dtype)} as the signature says; this has to be put right first."
            )
        if not is_compatible(actual.shape, stated.shape):
            self.problems.append(
                f"{where}, whose shape is {shape_text(actual.shape)} in the graph, not "
                f"{shape_text(stated.shape)} as the signature says; this has to be put right first."
            )

    def _input_conversion(self, end: Port) -> Conversion | None:
        change = self._conversion("input", end, tensor_type(end.info))
        actual = self._type_of(converted_tensor(end.info))
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
        if dtype_name(now.dtype) in ("resource", "variant") or value_dtype(now.dtype) != now.dtype:
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


def _tensors(ports: Iterable[Port]) -> list[str]:
    return [tensor for port in ports for tensor in port.tensors]


def _output(tensor: str) -> tuple[str, int]:
    return producer(tensor), output_number(tensor)


def _is_open(type_: TensorType | None) -> bool:
    """Whether the graph leaves the first dimension of a tensor open."""
    return bool(type_ and type_.shape and type_.shape[0] is None)


def _first(shape: Shape) -> int | None:
    return shape[0] if shape else None
