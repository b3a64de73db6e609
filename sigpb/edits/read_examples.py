"""The edit that has a signature take serialized tf.Examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sigpb.edits.edit import Edit, SignatureEdit, SignatureTarget
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.tf.tensor_types import dtype_of


@dataclass(frozen=True)
class ReadExamples(SignatureEdit):
    """Has the inputs of a signature read from serialized tf.Examples."""

    examples: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``examples``, and the signature has not been changed so."""
        if target.patch.HasField("examples") and not reads_examples(target):
            yield cls(target.ref, target.patch.examples)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Puts the input by which they are passed in the place of all others."""
        from sigpb.rewrite.examples import examples_port

        signature = draft.signature(self.signature)
        draft.put(replace(signature, examples=examples_port(self.examples)))

    def describe(self) -> str:
        """Returns for instance ``signature 'x': inputs read from tf.Examples in 'examples'``."""
        return f"{self.where}: inputs read from tf.Examples, which are passed in {self.examples!r}"

    def unchecked(self) -> Iterator[str]:
        """What was fed so far is computed, and what it is used for is not looked at."""
        yield f"what {self.where} computes from tf.Examples"


def reads_examples(target: SignatureTarget) -> bool:
    """Whether an earlier patch has had the inputs of a signature read from tf.Examples."""
    inputs, key = target.signature_def.inputs, target.patch.examples
    return (
        target.patch.HasField("examples")
        and list(inputs) == [key]
        and inputs[key].dtype == dtype_of("string")
        and inputs[key].name.startswith("sigpb/")
    )
