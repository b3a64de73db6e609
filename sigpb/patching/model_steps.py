"""The step ``model('adapters/tokenize')``: an adapter of one input and one output.

It is no step that adds nodes, but another way to state an adapter, which is put before or after the
signature: so it is the last step of an input, or the first one of an output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb import protos
from sigpb.parsers import parse_call
from sigpb.regular_files import is_url
from sigpb.rewrite.port import Side
from sigpb.saved_model.grafts import Position

_NAME = "model"


@dataclass(frozen=True)
class ModelStep:
    """An adapter in the place of a step.

    Attributes:
        path: Its path.
        signature: The key of its signature; empty for the only one, or the one that servers take.
        digest: The SHA-256 of the adapter, which has to be that one if it is stated.
    """

    path: str
    signature: str = ""
    digest: str = ""

    def __str__(self) -> str:
        signature = f", {self.signature!r}" if self.signature else ""
        digest = f", digest={self.digest!r}" if self.digest else ""
        return f"{_NAME}({self.path!r}{signature}{digest})"

    def graft(self) -> protos.Graft:
        """Returns the same as what a patch says of an adapter."""
        return protos.Graft(model=self.path, signature=self.signature, digest=self.digest)

    def relative_to(self, directory: Path) -> ModelStep:
        """Returns it with a path that is relative to a directory, as it was stated."""
        return self if is_url(self.path) else replace(self, path=str(directory / self.path))


def is_model_step(text: str) -> bool:
    """Whether a step is an adapter, well written or not."""
    return text.partition("(")[0].strip() == _NAME


def parse_model_step(text: str) -> ModelStep:
    """Reads such a step.

    Raises:
        ValueError: If it is malformed.
    """
    _, arguments, named = parse_call(text)
    values = dict(zip(("path", "signature"), arguments, strict=False)) | named
    known = {"path", "signature", "digest"}
    is_right = len(arguments) <= 2 and set(values) <= known and "path" in values
    if not is_right or not all(isinstance(each, str) for each in values.values()):
        raise ValueError(f"write {_NAME}('PATH') or {_NAME}('PATH', 'SIGNATURE')")
    return ModelStep(**values)


def beside_model(side: Side, steps: Sequence[str]) -> tuple[list[str], list[str]]:
    """Splits steps into the adapters beside the model, and the others, each in their order."""
    ordered = [*steps] if side == "output" else [*reversed(steps)]
    count = next((at for at, each in enumerate(ordered) if not is_model_step(each)), len(ordered))
    found, others = ordered[:count], ordered[count:]
    return (found, others) if side == "output" else (found[::-1], others[::-1])


def model_step_problems(side: Side, endpoint: protos.EndpointPatch) -> Iterator[str]:
    """Yields what is wrong with the adapters among the steps of an input or output."""
    found, others = beside_model(side, endpoint.step)
    if found and (endpoint.add or _is_made(endpoint)):
        yield f"has the step {found[0]!r}, which goes with an {side} of the model; name its key."
    place, fields = ("last", "after") if side == "input" else ("first", "before")
    for text in filter(is_model_step, others):
        yield (
            f"has the step {text!r}, which is not the {place} one: an adapter is beside the model. "
            f"Put the steps {fields} it into the adapter, or make two patches: one with the "
            "adapter and what comes beyond it, and before that one with the others."
        )
    for text in found:
        try:
            step = parse_model_step(text)
        except ValueError as error:
            yield f"has a wrong step, {text!r}: {error}."
            continue
        if is_url(step.path) or not step.path:
            yield f"has a wrong step, {text!r}: an adapter has to be a directory of this machine."


def _is_made(endpoint: protos.EndpointPatch) -> bool:
    return any(map(endpoint.HasField, ("from_tensor", "from_output", "from_input")))


def model_steps(item: protos.SignaturePatch) -> Iterator[tuple[Position, str, ModelStep]]:
    """Yields the adapters among the steps of a signature, from those beside the model outwards.

    Yields:
        Where it is, the key of the input or output, and the adapter.
    """
    for each in item.input:
        for text in reversed(beside_model("input", each.step)[0]):
            yield "before", each.key, parse_model_step(text)
    for each in item.output:
        for text in beside_model("output", each.step)[0]:
            yield "after", each.key, parse_model_step(text)


def without_model_steps(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch without the adapters among its steps."""
    after = protos.SavedModelPatch()
    after.CopyFrom(patch)
    for item in after.signature:
        for each in item.input:
            each.step[:] = beside_model("input", each.step)[1]
        for each in item.output:
            each.step[:] = beside_model("output", each.step)[1]
    return after
