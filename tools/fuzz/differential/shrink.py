"""Makes what shows a fault smaller, as long as it shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sigpb import SavedModelPatch

from .case import Fault
from .patches import smaller as smaller_patches
from .program import Program


@dataclass(frozen=True)
class Example:
    """A model, and patches of which each is made to what the one before left."""

    program: Program
    patches: tuple[SavedModelPatch, ...]

    def smaller(self) -> Iterator[Example]:
        """Yields examples that are smaller in one place: the chain, a patch, or the model."""
        if len(self.patches) > 1:
            for index in range(len(self.patches)):
                yield replace(self, patches=self.patches[:index] + self.patches[index + 1 :])
        for index in reversed(range(len(self.patches))):
            for patch in smaller_patches(self.patches[index]):
                patches = (*self.patches[:index], patch, *self.patches[index + 1 :])
                yield replace(self, patches=patches)
        for program in self.program.smaller():
            yield replace(self, program=program)


def shrunk(
    example: Example, fault: Fault, faults_of: Callable[[Example], list[Fault]], seconds: float
) -> tuple[Example, Fault]:
    """Returns the smallest example found that shows a fault of the same kind, and the fault.

    Args:
        example: What shows the fault.
        fault: The fault.
        faults_of: Returns the faults that an example shows; none if it cannot be built.
        seconds: For how long to try, in seconds of computing.
    """
    end = time.process_time() + seconds
    found = True
    while found:
        found = False
        for candidate in example.smaller():
            if time.process_time() > end:
                return example, fault
            same = [other for other in faults_of(candidate) if other.kind == fault.kind]
            if same:
                example, fault, found = candidate, same[0], True
                break
    return example, fault
