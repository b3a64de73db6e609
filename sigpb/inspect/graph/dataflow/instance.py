"""The nodes of a graph, or of a function where it is called, that some results take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sigpb.inspect.graph.dataflow.bodies import Body, NodeRecord, is_control
from sigpb.inspect.graph.dataflow.calls import COND, Call, Callee
from sigpb.inspect.graph.dataflow.dependence import DONE, MAX_NESTING, Dependences, bits

_NO_OUTPUTS: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Place:
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
        body: Body,
        dependences: Dependences,
        results: Collection[int],
        *,
        with_controls: bool = False,
        live: int | None = None,
        place: Place | None = None,
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
        """Returns what a node calls; None if nothing, or nothing that can be looked into."""
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
                place=Place(self, record, call, callee.role),
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
