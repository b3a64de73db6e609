"""What `tf.saved_model.load` calls for a signature that is made of two: one function of both.

It looks as the exporter's own functions of signatures do: see `sigpb.rewrite.wrapper_function`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.graphs.function_body import FunctionBody, normalized_name
from sigpb.rewrite import structured_value
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.object_graph import write as write_objects
from sigpb.rewrite.signature_function import CHAIN_STEM, function_of
from sigpb.rewrite.wrapper_function import call, result_shapes
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.endpoint_keys import are_adapted, argument_name
from sigpb.tf.stated_shapes import INPUT_SHAPES
from sigpb.tf.tensor_types import dtype_name, is_handle, tensor_names
from sigpb.wire import Edits

if TYPE_CHECKING:
    from sigpb.composing.chain import Chain


def rewrite(edits: Edits, parts: GraphParts, chain: Chain) -> set[str]:
    """Brings the object graph in line with a signature that is made of two.

    Args:
        edits: Receives what changes of the object graph.
        parts: The graph; its library receives the function.
        chain: The two signatures.

    Returns:
        The names of the functions that the object graph names from then on; none if there is no
        object graph with signatures, and so nothing to do.

    Raises:
        PatchError: If the object graph lacks one of the signatures, or cannot call the whole.
        ModelUnreadable: The object graph does not describe functions that the graph holds.
    """
    objects = parts.meta_graph.object_graph
    if objects is None or objects.signature_map is None:
        return set()
    if missing := [
        key for key in (chain.first, chain.second) if key not in objects.signature_nodes
    ]:
        raise PatchError(
            [
                f"the object graph has no signature {key!r}, so that tf.saved_model.load could not "
                "call the whole."
                for key in missing
            ]
        )
    after = _Objects(objects, parts, chain).run()
    write_objects(edits, parts.meta_graph, objects.proto, after)
    return set(after.concrete_functions)


class _Called(NamedTuple):
    """A signature's function as the object graph describes it.

    Attributes:
        function: The function.
        concrete: Its description.
        inputs: The keys of its arguments, in their order.
        results: The positions of its results, by the keys of outputs.
    """

    function: protos.FunctionDef
    concrete: protos.SavedConcreteFunction
    inputs: tuple[str, ...]
    results: Mapping[str, tuple[int, ...]]

    def spec(self, key: str) -> protos.StructuredValue:
        """Returns what is said of the argument of a key."""
        for arguments in self.concrete.canonicalized_input_signature.tuple_value.values:
            for name in (argument_name(key), key):
                if name in arguments.dict_value.fields:
                    return arguments.dict_value.fields[name]
        raise ModelUnreadable(
            f"the object graph does not describe the input {key!r} of the function "
            f"{self.function.signature.name!r}"
        )


class _Argument(NamedTuple):
    """An argument of the whole: the place of it in one of the two functions.

    Attributes:
        number: Which of the functions: 0 or 1.
        position: The position among the arguments of that function.
        key: The key of the input; empty for a captured one.
    """

    number: int
    position: int
    key: str = ""


class _Objects:
    """The work of one call of `rewrite`."""

    def __init__(self, objects: ObjectGraph, parts: GraphParts, chain: Chain) -> None:
        self.parts, self.chain = parts, chain
        self.graph = protos.SavedObjectGraph()
        self.graph.CopyFrom(objects.proto)
        self.signature_map = self.graph.nodes[objects.signature_map or 0]
        self.places = objects.signature_nodes
        signatures = parts.meta_graph.signatures
        self.defs = signatures[chain.first], signatures[chain.second]
        self.called = (
            self._called(self.places[chain.first], self.defs[0]),
            self._called(self.places[chain.second], self.defs[1]),
        )
        self.captured = self._captured()
        self.inputs = self._inputs()

    def run(self) -> protos.SavedObjectGraph:
        """Returns the object graph as it is to be."""
        function = self._function()
        name = function.signature.name
        self.parts.library.add(function)
        self._describe(self.graph.concrete_functions[name])
        self._remove_other()
        node = self._own_node()
        bare = node.bare_concrete_function
        structured_value.change_parameters(
            bare.function_spec.fullargspec,
            dict.fromkeys(bare.argument_keywords),
            self.inputs,
            adapted=self._adapted,
        )
        bare.concrete_function_name = name
        bare.argument_keywords[:] = self.inputs
        bare.allowed_positional_arguments = int(len(self.inputs) == 1)
        return self.graph

    @property
    def _adapted(self) -> bool:
        return are_adapted(self.parts.meta_graph.tensorflow_release)

    def _called(self, place: int, signature: protos.SignatureDef) -> _Called:
        """Returns the function of a signature, which has to take and return what that states."""
        if not 0 <= place < len(self.graph.nodes):
            raise ModelUnreadable(f"the object graph has no node {place} for a signature")
        bare = self.graph.nodes[place].bare_concrete_function
        name = bare.concrete_function_name
        if name not in self.graph.concrete_functions:
            raise ModelUnreadable(f"the object graph does not describe the function {name!r}")
        concrete = self.graph.concrete_functions[name]
        function = function_of(name, self.parts.library)
        count, results = 0, {}
        for key in sorted(signature.outputs):
            size = len(tensor_names(signature.outputs[key]))
            results[key] = tuple(range(count, count + size))
            count += size
        taken = len(bare.argument_keywords) + len(concrete.bound_inputs)
        actual = len(function.signature.input_arg), len(function.signature.output_arg)
        is_same = {*bare.argument_keywords} == {*signature.inputs} and (
            {*concrete.output_signature.dict_value.fields} == {*signature.outputs}
        )
        if actual != (taken, count) or not is_same:
            raise ModelUnreadable(
                f"the object graph has the function {name!r} take and return something else than "
                "the graph and the SignatureDef do"
            )
        return _Called(function, concrete, (*bare.argument_keywords,), results)

    def _inputs(self) -> dict[str, _Argument]:
        """Returns the inputs of the whole, in the order in which `tf.saved_model.load` passes them.

        Raises:
            PatchError: If two of them have one argument name.
        """
        keys = ((*self.called[0].inputs,), self.chain.open_inputs(self.defs[1]))
        found = {
            key: _Argument(number, self.called[number].inputs.index(key), key)
            for number in (0, 1)
            for key in keys[number]
        }
        names = Counter(map(argument_name, found))
        if clash := sorted(key for key in found if names[argument_name(key)] > 1):
            raise PatchError(
                f"tf.saved_model.load would give the inputs {' and '.join(map(repr, clash))} the "
                f"same argument name, {argument_name(clash[0])!r}; rename one of them first."
            )
        return {key: found[key] for key in sorted(found, key=argument_name)}

    def _captured(self) -> dict[int, list[_Argument]]:
        """Returns where each captured object is passed to, by its place: once if both take it."""
        found: dict[int, list[_Argument]] = {}
        for number, called in enumerate(self.called):
            first = len(called.inputs)
            for position, place in enumerate(called.concrete.bound_inputs, start=first):
                found.setdefault(place, []).append(_Argument(number, position))
        return found

    def _function(self) -> protos.FunctionDef:
        """Returns the function that calls both."""
        made = protos.FunctionDef()
        made.signature.name = self.parts.library.fresh_name(CHAIN_STEM)
        first, second = (called.function for called in self.called)
        stateful = [each.signature.is_stateful for each in (first, second)]
        made.signature.is_stateful = any(stateful)
        for function in (first, second):
            if "_construction_context" in function.attr:
                made.attr["_construction_context"].CopyFrom(function.attr["_construction_context"])
        body = FunctionBody(made, self.parts.library, self.parts.op_defs)
        passed = self._take(body)
        names = [call(body, first, passed[0], self.parts.op_defs, "first")]
        for pair in self.chain.pairs:
            self._pass(names[0], pair.output, pair.input, passed[1])
        waiting = [f"^{names[0]}"] if all(stateful) else []
        names.append(call(body, second, [*passed[1], *waiting], self.parts.op_defs, "second"))
        for key, number in sorted(self._outputs()):
            called = self.called[number]
            shapes = result_shapes(called.function)
            for position in called.results[key]:
                dtype = called.function.signature.output_arg[position].type
                tensor = f"{names[number]}:output:{position}"
                body.add_result(normalized_name(key), tensor, dtype, shapes[position])
        for name, is_stateful in zip(names, stateful, strict=True):
            if is_stateful:  # Side effects happen even if no result is asked for.
                made.signature.control_output.append(name)
                made.control_ret[name] = name
        return made

    def _outputs(self) -> Iterator[tuple[str, int]]:
        """Yields the outputs of the whole, and of which function they are."""
        yield from ((key, 0) for key in self.chain.kept_outputs(self.defs[0]))
        yield from ((key, 1) for key in self.defs[1].outputs)

    def _pass(self, name: str, output: str, input_: str, passed: list[str]) -> None:
        """Passes an output of the first call on to the second.

        Raises:
            PatchError: If the functions take and return other types than that.
        """
        first, second = self.called
        if len(first.results[output]) != 1:
            raise PatchError(
                f"the input {input_!r} of the signature {self.chain.second!r} has several tensors, "
                "which tf.saved_model.load does not pass to a signature."
            )
        [position], at = first.results[output], second.inputs.index(input_)
        made = first.function.signature.output_arg[position].type
        taken = second.function.signature.input_arg[at].type
        if made != taken:
            raise PatchError(
                f"the output {output!r} cannot feed the input {input_!r}: the functions have it as "
                f"{dtype_name(made)} and as {dtype_name(taken)}, whatever the signatures say."
            )
        passed[at] = f"{name}:output:{position}"

    def _take(self, body: FunctionBody) -> tuple[list[str], list[str]]:
        """Adds the arguments of the whole.

        Returns:
            What the two calls are to be passed, as far as the arguments of the whole are passed on.
        """
        made = body.function
        passed = tuple([""] * len(each.function.signature.input_arg) for each in self.called)
        places = [[argument] for argument in self.inputs.values()]
        places += self.captured.values()
        groups = _Aliases()
        for number, same in enumerate(places):
            argument, function = same[0], self.called[same[0].number].function
            taken = made.signature.input_arg.add()
            taken.CopyFrom(function.signature.input_arg[argument.position])
            if argument.position in function.arg_attr:
                made.arg_attr[number].CopyFrom(function.arg_attr[argument.position])
            if argument.key:
                taken.name = normalized_name(argument.key)
                made.arg_attr[number].attr["_user_specified_name"].s = argument.key.encode()
            taken.name = body.fresh_name(taken.name)
            for each in same:
                passed[each.number][each.position] = taken.name
            if is_handle(taken.type):
                groups.add(number, [self._alias(each) for each in same])
        if any(each.function.resource_arg_unique_id for each in self.called):
            for number, group in groups.numbers().items():
                made.resource_arg_unique_id[number] = group
        self._state_shapes(made, [same[0] for same in places])
        return passed[0], passed[1]

    def _alias(self, argument: _Argument) -> tuple[int, str, int]:
        """Returns what is the same for the arguments of a function that may be one resource."""
        stated = self.called[argument.number].function.resource_arg_unique_id
        if argument.position in stated:
            return argument.number, "id", stated[argument.position]
        return argument.number, "position", argument.position

    def _state_shapes(self, made: protos.FunctionDef, arguments: Sequence[_Argument]) -> None:
        """States the shapes of the arguments where both functions do."""
        stated = [
            each.function.attr[INPUT_SHAPES].list.shape
            for each in self.called
            if INPUT_SHAPES in each.function.attr
        ]
        counts = [len(each.function.signature.input_arg) for each in self.called]
        if [len(shapes) for shapes in stated] == counts:
            shapes = (stated[each.number][each.position] for each in arguments)
            made.attr[INPUT_SHAPES].list.shape.extend(shapes)

    def _describe(self, concrete: protos.SavedConcreteFunction) -> None:
        """Describes the function as that of a signature."""
        concrete.bound_inputs.extend(self.captured)
        taken = concrete.canonicalized_input_signature.tuple_value.values
        taken.add().tuple_value.SetInParent()
        fields = taken.add().dict_value
        fields.SetInParent()
        for key, argument in self.inputs.items():
            spelled = argument_name(key) if self._adapted else key
            fields.fields[spelled].CopyFrom(self.called[argument.number].spec(key))
        returned = concrete.output_signature.dict_value
        returned.SetInParent()
        for key, number in self._outputs():
            value = self.called[number].concrete.output_signature.dict_value.fields[key]
            returned.fields[key].CopyFrom(value)

    def _remove_other(self) -> None:
        """Removes the signature that goes, and its node at the end if nothing else leads to it."""
        children = self.signature_map.children
        [at] = [at for at, each in enumerate(children) if each.local_name == self.chain.other]
        place = children[at].node_id
        del children[at]
        if place == len(self.graph.nodes) - 1 and not self._is_named(place):
            del self.graph.nodes[place]

    def _is_named(self, place: int) -> bool:
        """Whether anything leads to a node."""
        nodes = self.graph.nodes
        ways = (way for node in nodes for way in (*node.children, *node.dependencies))
        return any(way.node_id == place for way in ways)

    def _own_node(self) -> protos.SavedObject:
        """Returns the node of the whole: that of its key, or a copy if others have that one too."""
        place = self.places[self.chain.key]
        ways = (way.node_id for node in self.graph.nodes for way in node.children)
        if Counter(ways)[place] == 1:
            return self.graph.nodes[place]
        copied = self.graph.nodes.add()
        copied.CopyFrom(self.graph.nodes[place])
        for child in self.signature_map.children:
            if child.local_name == self.chain.key:
                child.node_id = len(self.graph.nodes) - 1
        return copied


class _Aliases:
    """Which arguments of the whole may be one resource, by what the two functions say of theirs."""

    def __init__(self) -> None:
        self._groups: list[tuple[set[int], set[tuple[int, str, int]]]] = []

    def add(self, number: int, names: Sequence[tuple[int, str, int]]) -> None:
        """Adds an argument, which is what has one of some names."""
        numbers, known = {number}, {*names}
        for group in [each for each in self._groups if each[1] & known]:
            self._groups.remove(group)
            numbers |= group[0]
            known |= group[1]
        self._groups.append((numbers, known))

    def numbers(self) -> dict[int, int]:
        """Returns for each argument the number that those have which may be one resource."""
        return {each: min(numbers) for numbers, _ in self._groups for each in numbers}
