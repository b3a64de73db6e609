"""Signatures whose wrappers have arguments and results in a given order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigpb import protos
from sigpb.rewrite.conversion import Conversion
from sigpb.rewrite.interface import BatchSize, Interface, SignatureRef
from sigpb.rewrite.port import Port
from sigpb.rewrite.signature_function import FunctionPorts, Wrapped


@dataclass(frozen=True)
class Order:
    """How a wrapper's arguments and results correspond to those of the function it calls.

    Attributes:
        function: The name of the function that is called.
        arguments: For each argument of the wrapper its position in the function's.
        results: The same for results.
        inputs: How arguments are converted, by their position in the function's.
        outputs: How results are converted, by their position in the function's.
        bound: The values of those arguments of the function that the wrapper has not.
        relaxed: The arguments whose first dimension the function is no longer to fix.
        input_keys: The keys that arguments are named after; all others are captured inputs.
        output_keys: The keys that results are named after.
    """

    function: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    inputs: Mapping[int, Conversion] = field(default_factory=dict)
    outputs: Mapping[int, Conversion] = field(default_factory=dict)
    bound: Mapping[int, protos.TensorProto] = field(default_factory=dict)
    relaxed: tuple[int, ...] = ()
    input_keys: Mapping[int, str] = field(default_factory=dict)
    output_keys: Mapping[int, str] = field(default_factory=dict)

    @property
    def wrapped(self) -> Wrapped:
        """What is to be found in the wrapper."""
        return Wrapped(self.function, self.arguments, self.results, {})

    @property
    def ports(self) -> FunctionPorts:
        """How the function takes inputs and returns outputs, which are called after positions."""
        taken = self.input_keys or dict.fromkeys(self.arguments)
        return FunctionPorts(
            self.function,
            {f"in{position}": position for position in (*taken, *self.bound)},
            tuple(position for position in self.arguments if position not in taken),
            {f"out{position}": (position,) for position in self.results},
            named=bool(self.input_keys),
        )

    @property
    def interface(self) -> Interface:
        """The signature, whose keys are sorted as its arguments and results are."""
        inputs = {
            source: Port(
                source,
                self.input_keys.get(position) or f"key{self._rank(position)}",
                {source: protos.TensorInfo()},
                dropped=position in self.bound,
                bound=self.bound.get(position),
                conversion=self.inputs.get(position),
            )
            for source, position in self.ports.arguments.items()
        }
        outputs = {
            f"out{position}": Port(
                f"out{position}",
                self.output_keys.get(position) or f"key{number}",
                {f"out{position}": protos.TensorInfo()},
                conversion=self.outputs.get(position),
            )
            for number, position in enumerate(self.results)
        }
        batch = BatchSize(tuple(f"in{position}" for position in self.relaxed))
        return Interface(SignatureRef("s"), "s", "", "", inputs, outputs, batch=batch)

    def _rank(self, position: int) -> int:
        return self.arguments.index(position) if position in self.arguments else 0
