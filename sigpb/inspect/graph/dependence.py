"""What the nodes of a graph or a function depend on, and which of them some results take.

A set of arguments, or of inputs of a node, is an integer with a bit for each. Nodes that call
functions are told apart by their outputs: an output depends on what its function computes it from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigpb.inspect.graph.bodies import (
    Call,
    Callee,
    FlowBody,
    FlowLibrary,
    NodeRecord,
    call_of,
    is_control,
    may_call,
)
from sigpb.tf.called_functions import COND

# Functions that call each other deeper than this are taken to need all that they are given; so are
# those that call themselves.
MAX_NESTING = 32

DONE = -1
"""What stands for the end of a call in place of the number of an output."""


def bits(numbers: int) -> Iterator[int]:
    """Yields the positions of the bits of a number that are set."""
    while numbers:
        lowest = numbers & -numbers
        yield lowest.bit_length() - 1
        numbers ^= lowest


@dataclass(frozen=True)
class Dependence:
    """The arguments that parts of a body depend on.

    Attributes:
        nodes: For each node that a result takes: the arguments for all of its outputs in one
            number; if it calls a function, for each output and, last, for what waits for it.
        results: The arguments that each result depends on.
        controls: The arguments that the nodes which run in any case depend on.
    """

    nodes: Mapping[str, int | Sequence[int]]
    results: Sequence[int]
    controls: int

    def of(self, name: str, output: int = DONE) -> int:
        """Returns the arguments that a node depends on, or one output of it."""
        return _output_of(self.nodes.get(name, 0), output)


class Dependences:
    """Finds the dependences of bodies, of each function once."""

    def __init__(self, library: FlowLibrary) -> None:
        self.library = library
        self._found: dict[FlowBody, Dependence] = {}
        self._calls: dict[tuple[FlowBody, str], Call | None] = {}
        self._needs: dict[tuple[FlowBody, str], list[int]] = {}
        self._open: list[FlowBody] = []

    def of(self, body: FlowBody) -> Dependence | None:
        """Returns the dependence of a body; None if it calls itself, or is nested too deep."""
        if body not in self._found:
            if body in self._open or len(self._open) > MAX_NESTING:
                return None
            self._open.append(body)
            self._found[body] = self._compute(body)
            self._open.pop()
        return self._found[body]

    def call(self, body: FlowBody, record: NodeRecord) -> Call | None:
        """Returns what a node of a body calls."""
        if not may_call(record, self.library):
            return None
        key = body, record.name
        if key not in self._calls:
            self._calls[key] = call_of(body, record, self.library)
        return self._calls[key]

    def needs(self, body: FlowBody, record: NodeRecord, call: Call) -> list[int]:
        """Returns which inputs each output of a call takes; last, which inputs its end takes."""
        key = body, record.name
        if key not in self._needs:
            self._needs[key] = self._call_needs(call)
        return self._needs[key]

    def _call_needs(self, call: Call) -> list[int]:
        everything = (1 << len(call.tensors)) - 1
        found = [self.of(callee.body) for callee in call.callees]
        dependences = [dependence for dependence in found if dependence]
        if len(dependences) < len(found):
            widest = max(len(callee.body.results) for callee in call.callees)
            return [everything] * (widest + 1)
        if call.kind == "loop":
            cond, body = dependences
            return [part & everything for part in loop_needs(cond, body)] + [everything]
        selector = (1 << call.first) - 1
        results = list(zip(*(dependence.results for dependence in dependences), strict=False))
        results.append(tuple(dependence.controls for dependence in dependences))
        return [((_union(parts) << call.first) | selector) & everything for parts in results]

    def _compute(self, body: FlowBody) -> Dependence:
        roots = [spelled for spelled in (*body.results, *body.controls) if spelled]
        nodes: dict[str, int | Sequence[int]] = {}
        for component in _components(body, roots):
            if len(component) == 1:
                nodes[component[0]] = self._of_node(body, body.records[component[0]], nodes)
            else:  # A loop of TensorFlow 1: all of it depends on what goes into it.
                parts = (
                    _of_tensor(body, spelled, nodes)
                    for name in component
                    for spelled in body.records[name].inputs
                )
                nodes |= dict.fromkeys(component, _union(parts))
        results = [_of_tensor(body, spelled, nodes) for spelled in body.results]
        controls = _union(_of_tensor(body, spelled, nodes) for spelled in body.controls)
        return Dependence(nodes, results, controls)

    def _of_node(
        self, body: FlowBody, record: NodeRecord, nodes: Mapping[str, int | Sequence[int]]
    ) -> int | Sequence[int]:
        call = self.call(body, record)
        if call is None:
            return _union(_of_tensor(body, spelled, nodes) for spelled in record.inputs)
        waits = _union(_of_tensor(body, spelled, nodes) for spelled in record.waits_for)
        inputs = [_of_tensor(body, spelled, nodes) for spelled in call.tensors]
        return [
            waits | _union(inputs[number] for number in bits(needed))
            for needed in self.needs(body, record, call)
        ]


def loop_needs(cond: Dependence, body: Dependence) -> list[int]:
    """Returns, for each loop variable, those on whose first values its last value depends."""
    found = [1 << number for number in range(len(body.results))]
    condition = cond.results[0] if cond.results else 0
    while True:
        controlled = _union(_looked_up(found, condition))
        after = [
            before | controlled | _union(_looked_up(found, result))
            for before, result in zip(found, body.results, strict=True)
        ]
        if after == found:
            return found
        found = after


def _looked_up(sets: Sequence[int], numbers: int) -> Iterator[int]:
    return (sets[number] for number in bits(numbers) if number < len(sets))


def _union(sets: Iterable[int]) -> int:
    union = 0
    for each in sets:
        union |= each
    return union


def _of_tensor(body: FlowBody, spelled: str, nodes: Mapping[str, int | Sequence[int]]) -> int:
    argument = body.argument(spelled)
    if argument is not None:
        return 1 << argument
    record = body.record(spelled)
    if record is None or record.name not in nodes:
        return 0
    found = nodes[record.name]
    if isinstance(found, int):
        return found
    return _output_of(found, DONE if is_control(spelled) else body.output(record, spelled))


def _output_of(found: int | Sequence[int], output: int) -> int:
    if isinstance(found, int):
        return found
    if output == DONE:
        return found[-1]
    return found[output] if output < len(found) - 1 else 0


def _components(body: FlowBody, roots: Iterable[str]) -> Iterator[list[str]]:
    """Yields the nodes that some tensors depend on, inputs before users, and cycles as one.

    This is Tarjan's algorithm, without recursion.
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    finished: set[str] = set()
    for root in _producers(body, roots):
        if root in order:
            continue
        order[root] = lowest[root] = len(order)
        waiting.append(root)
        path = [(root, _producers(body, body.records[root].inputs))]
        while path:
            name, producers = path[-1]
            for producer in producers:
                if producer not in order:
                    order[producer] = lowest[producer] = len(order)
                    waiting.append(producer)
                    path.append((producer, _producers(body, body.records[producer].inputs)))
                    break
                if producer not in finished:
                    lowest[name] = min(lowest[name], order[producer])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[name])
                if lowest[name] == order[name]:
                    component = [waiting.pop()]
                    while component[-1] != name:
                        component.append(waiting.pop())
                    finished.update(component)
                    yield component


def _producers(body: FlowBody, tensors: Iterable[str]) -> Iterator[str]:
    """Yields the nodes that tensors come from; arguments come from none."""
    for spelled in tensors:
        if body.argument(spelled) is None and (record := body.record(spelled)):
            yield record.name


_NO_OUTPUTS: frozenset[int] = frozenset()


@dataclass(frozen=True)
class CallSite:
    """Where a function is called.

    Attributes:
        instance: What the node that calls it is part of.
        record: That node.
        call: What it calls.
        role: Which of its functions this is.
    """

    instance: Instance
    record: NodeRecord
    call: Call
    role: str


class Instance:
    """The part of a body that some of its results take.

    A function has one instance for each node that calls it: other nodes may take other results.

    Attributes:
        body: The body.
        place: Where it is called; None for the top level.
        live: The arguments that are followed, as bits; None for all, and for what depends on none.
        nodes: The nodes by name, each with the outputs that are taken if it calls a function.
    """

    def __init__(
        self,
        body: FlowBody,
        dependences: Dependences,
        results: Collection[int],
        *,
        with_controls: bool = False,
        live: int | None = None,
        place: CallSite | None = None,
    ) -> None:
        self.body = body
        self.place = place
        self.live = live
        self._dependences = dependences
        self._depth: int = place.instance._depth + 1 if place else 0
        wanted = [body.results[number] for number in results if number < len(body.results)]
        self.nodes = self._needed([*wanted, *(body.controls if with_controls else ())])

    def _needed(self, waiting: list[str]) -> Mapping[str, frozenset[int]]:
        nodes: dict[str, frozenset[int]] = {}
        body = self.body
        while waiting:
            spelled = waiting.pop()
            record = body.record(spelled)
            if record is None or body.argument(spelled) is not None:
                continue
            call = self._dependences.call(body, record)
            if call is None:
                if record.name not in nodes:
                    nodes[record.name] = _NO_OUTPUTS
                    waiting += record.inputs
                continue
            outputs = nodes.get(record.name, _NO_OUTPUTS)
            output = DONE if is_control(spelled) else body.output(record, spelled)
            if output not in outputs:
                nodes[record.name] = outputs | {output}
                waiting += record.waits_for
                waiting += (call.tensors[number] for number in self._inputs_of(record, output))
        return nodes if self.live is None else self._only_live(nodes, self.live)

    def _only_live(
        self, nodes: Mapping[str, frozenset[int]], live: int
    ) -> Mapping[str, frozenset[int]]:
        dependence = self._dependences.of(self.body)
        assert dependence is not None, "deeper functions have no instances"
        found = {}
        for name, outputs in nodes.items():
            taken = frozenset(each for each in outputs if dependence.of(name, each) & live)
            if taken or (not outputs and dependence.of(name) & live):
                found[name] = taken
        return found

    def call(self, record: NodeRecord) -> Call | None:
        """Returns the call of functions that a node is; None if it is none that can be opened."""
        call = self._dependences.call(self.body, record)
        if call is None or self._depth >= MAX_NESTING:
            return None
        known = all(self._dependences.of(callee.body) for callee in call.callees)
        return call if known else None

    def _inputs_of(self, record: NodeRecord, output: int) -> Iterator[int]:
        """Yields the numbers of the inputs that an output of a call takes."""
        call = self._dependences.call(self.body, record)
        assert call is not None
        needs = self._dependences.needs(self.body, record, call)
        if output == DONE or output < len(needs) - 1:
            yield from bits(needs[output])

    def inputs_taken(self, record: NodeRecord) -> list[int]:
        """Returns the numbers of the inputs of a call, or variables of a loop, that are taken."""
        outputs = self.nodes[record.name]
        return sorted({number for output in outputs for number in self._inputs_of(record, output)})

    def callee_instances(self, record: NodeRecord, call: Call) -> list[tuple[Callee, Instance]]:
        """Returns the functions that a node calls, as far as its outputs take them."""
        outputs = self.nodes[record.name]
        live = self._live_arguments(record, call)
        found = []
        for callee in call.callees:
            if call.kind == "loop":
                results = [0] if callee.role == COND else self.inputs_taken(record)
            else:
                results = sorted(outputs - {DONE})
            instance = Instance(
                callee.body,
                self._dependences,
                results,
                with_controls=DONE in outputs,
                live=live,
                place=CallSite(self, record, call, callee.role),
            )
            found.append((callee, instance))
        return found

    def _live_arguments(self, record: NodeRecord, call: Call) -> int | None:
        """Returns the arguments of the functions that are followed, as bits."""
        if self.live is None:
            return None
        live = 0
        for number, spelled in enumerate(call.tensors[call.first :]):
            if self.is_live(spelled):
                live |= 1 << number
        if call.kind == "loop":
            needs = self._dependences.needs(self.body, record, call)
            live = sum(1 << number for number, part in enumerate(needs[:-1]) if part & live)
        return live

    def is_live(self, spelled: str) -> bool:
        """Whether a tensor, or the end of a node, depends on an argument that is followed."""
        if self.live is None:
            return True
        argument = self.body.argument(spelled)
        if argument is not None:
            return bool(self.live >> argument & 1)
        record, dependence = self.body.record(spelled), self._dependences.of(self.body)
        if record is None or dependence is None:
            return False
        output = DONE if is_control(spelled) else self.body.output(record, spelled)
        return bool(dependence.of(record.name, output) & self.live)
