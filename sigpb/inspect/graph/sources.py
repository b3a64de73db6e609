"""Where a tensor comes from: through arguments and results of functions that are open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sigpb.inspect.graph.bodies import (
    UNKNOWN,
    FlowBody,
    NodeRecord,
    argument_type,
    better,
    is_control,
    output_type,
)
from sigpb.inspect.graph.dependence import DONE, Instance
from sigpb.inspect.graph.items import CallItem, EndpointItem, Item, NodeItem, PortItem
from sigpb.tf.called_functions import BODY, COND
from sigpb.tf.tensor_types import TensorType


class EdgeSource(NamedTuple):
    """What a node takes.

    Attributes:
        item: What it comes from: a node, closed or open, a port or an input.
        is_control: Whether no value is taken.
        output: Which output of the item it is.
        stated: What is stated of its type on the way.
        body: What the node is part of that it comes from; None for an input.
        record: That node.
    """

    item: Item
    is_control: bool
    output: int
    stated: TensorType = UNKNOWN
    body: FlowBody | None = None
    record: NodeRecord | None = None

    @property
    def type(self) -> TensorType:
        """The type of the tensor."""
        if self.body is None or self.record is None or self.output == DONE:
            return self.stated
        return better(output_type(self.body, self.record, self.output), self.stated)


class _Passed(NamedTuple):
    """A tensor that is passed to an open function, or returned by it.

    Attributes:
        instance: Where it comes from.
        spelled: How it is spelled there.
        stated: What is stated of its type where it is passed.
    """

    instance: Instance
    spelled: str
    stated: TensorType


@dataclass
class Sources:
    """Finds sources in a graph of which some calls are open.

    Attributes:
        inputs: The inputs of the top level, by the numbers of its arguments, and their types.
        nodes: All nodes of what is open, whether they are drawn or not, by instance and name.
        open_calls: The calls that are open.
    """

    inputs: Mapping[int, tuple[EndpointItem, TensorType]]
    nodes: Mapping[Instance, Mapping[str, NodeItem]]
    open_calls: Collection[Item]
    _found: dict[tuple[Instance, str], EdgeSource | None] = field(default_factory=dict)

    def of_node(self, item: NodeItem) -> Iterator[EdgeSource]:
        """Yields what a closed node takes, as far as it is part of its instance."""
        record, instance = item.record, item.instance
        if isinstance(item, CallItem):
            inputs = [item.call.tensors[number] for number in instance.inputs_taken(record)]
            inputs += record.waits_for
        else:
            inputs = list(record.inputs)
        for spelled in inputs:
            yield from self.of_tensor(instance, spelled)

    def of_port(self, port: PortItem) -> Iterator[EdgeSource]:
        """Yields what the value of a port may come from."""
        owner = port.owner
        call, record = owner.call, owner.record
        for spelled in record.waits_for:
            yield from self.of_tensor(owner.instance, spelled)
        for spelled in call.tensors[: call.first]:
            yield from self.of_tensor(owner.instance, spelled)
        for callee in owner.callees:
            inner, body = callee.instance, callee.instance.body
            if port.number == DONE:
                for spelled in body.controls:
                    yield from self.of_tensor(inner, spelled)
            elif call.kind != "loop" or callee.role == BODY:
                if port.number < len(body.results):
                    yield from self.of_tensor(inner, body.results[port.number])
            elif callee.role == COND and body.results:
                for source in self.of_tensor(inner, body.results[0]):
                    yield source._replace(is_control=True)
        if call.kind == "loop":
            first = call.tensors if port.number == DONE else call.tensors[port.number :][:1]
            for spelled in first:
                yield from self.of_tensor(owner.instance, spelled)

    def of_tensor(self, instance: Instance, spelled: str) -> Iterator[EdgeSource]:
        """Yields where a tensor comes from, or what is waited for; nothing if that is left out."""
        passed: dict[tuple[Instance, str], TensorType] = {}
        here = instance, spelled
        found: EdgeSource | None = None
        while here not in passed:  # A damaged graph may turn in a circle.
            if here in self._found:
                found = self._found[here]
                break
            step = self._step(*here)
            if not isinstance(step, _Passed):
                found = step
                break
            passed[here] = step.stated
            here = step.instance, step.spelled
        for place, stated in reversed(passed.items()):
            if found:
                found = found._replace(stated=better(found.stated, stated))
            self._found[place] = found
        if found:
            yield found

    def _step(self, instance: Instance, spelled: str) -> EdgeSource | _Passed | None:
        """Returns what a tensor is, or of what open function it is an argument or a result."""
        argument = instance.body.argument(spelled)
        if argument is not None:
            return self._argument(instance, spelled, argument)
        record = instance.body.record(spelled)
        item = self.nodes[instance].get(record.name) if record else None
        if record is None or item is None:
            return None
        waits = is_control(spelled)
        output = DONE if waits else instance.body.output(record, spelled)
        if isinstance(item, CallItem) and output not in instance.nodes[record.name]:
            return None
        if not isinstance(item, CallItem) or item not in self.open_calls:
            return EdgeSource(item, waits, output, UNKNOWN, instance.body, record)
        if port := item.ports.get(output):
            return EdgeSource(port, waits, output, UNKNOWN, instance.body, record)
        # Of several functions each output that is taken has a port; so this is the only function.
        inner = item.callees[0].instance
        if waits or output >= len(inner.body.results):
            return None
        stated = output_type(instance.body, record, output)
        return _Passed(inner, inner.body.results[output], stated)

    def _argument(
        self, instance: Instance, spelled: str, argument: int
    ) -> EdgeSource | _Passed | None:
        place = instance.place
        if place is None:
            endpoint, known = self.inputs[argument]
            waits = is_control(spelled)
            return (
                EdgeSource(endpoint, waits, argument, known) if instance.is_live(spelled) else None
            )
        stated = argument_type(instance.body, argument)
        if place.call.kind == "loop":
            owner = self.nodes[place.instance][place.record.name]
            assert isinstance(owner, CallItem)
            port = owner.ports.get(argument)
            caller = place.instance.body, place.record
            return EdgeSource(port, False, argument, stated, *caller) if port else None
        outer = place.call.tensors[place.call.first :]
        return _Passed(place.instance, outer[argument], stated) if argument < len(outer) else None
