"""The edits that put adapters before and after signatures, and take them out.

They are carried out before all others, in the model that these are for: see
`sigpb.patching.grafts`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sigpb.edits.edit import SignatureEdit
from sigpb.errors import listed
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.saved_model.grafts import Position

if TYPE_CHECKING:
    from sigpb.composing.graft import Brought


@dataclass(frozen=True)
class PutAdapter(SignatureEdit):
    """Puts an adapter before or after a signature.

    Attributes:
        name: What the adapter is called in the model.
        position: Whether it comes before the signature or after it.
        model: The adapter's directory.
        adapter_signature: The key of its signature.
        digest: The SHA-256 of the adapter.
        pairs: Which outputs feed which inputs, by their keys.
        left_out: The outputs of the adapter that feed nothing.
        freeze: Whether its variables become constants.
        brought: What it brings; its variables are constants by now if they are frozen.
        adapter_tags: The tag-set of the adapter's MetaGraph.
        endpoint: The key that the adapter's only input and only output get; None if they keep
            theirs.
        unchecked_shapes: What is not known of the shapes that feed inputs, in clauses.
    """

    name: str
    position: Position
    model: str
    adapter_signature: str
    digest: str
    pairs: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    freeze: bool
    brought: Brought
    adapter_tags: tuple[str, ...]
    endpoint: str | None
    unchecked_shapes: tuple[str, ...]

    def apply(self, draft: MetaGraphDraft) -> None:
        """Does nothing: the model of the draft has the adapter."""

    def warnings(self) -> Iterator[str]:
        """Yields what works but may surprise, in whole sentences."""
        if self.left_out:
            yield (
                f"{self.where}: the output{'s'[: len(self.left_out) != 1]} "
                f"{listed(self.left_out)} of the adapter {self.name!r} feed"
                f"{'s'[: len(self.left_out) == 1]} nothing and cannot be fetched."
            )

    def unchecked(self) -> Iterator[str]:
        """What ops do that TensorFlow does not have, or that no rule follows, is not known."""
        yield from (f"signature {self.signature.key!r}: {each}" for each in self.unchecked_shapes)
        if ops := self.brought.unknown_ops:
            yield (
                f"what the op{'s'[: len(ops) != 1]} {listed(ops)} of the adapter {self.name!r} do, "
                "which TensorFlow itself does not have"
            )

    def describe(self) -> str:
        """Returns for instance ``signature 'x': adapter 'tokenize' put before it …``."""
        fed = ", ".join(f"{output} → {input_}" for output, input_ in self.pairs)
        brought = ", ".join(self._brought())
        return (
            f"{self.where}: adapter {self.name!r} (its {self.adapter_signature!r}, "
            f"sha256:{self.digest[:12]}) put {self.position} it ({fed})"
            f"{brought and f', with {brought}'}"
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the edit as JSON values, in which what it brings are fields of its own."""
        values: dict[str, Any] = {}
        for name, value in super().to_json().items():
            values |= dataclasses.asdict(self.brought) if name == "brought" else {name: value}
        return values

    def _brought(self) -> Iterator[str]:
        brought = self.brought
        kind = "frozen variable" if self.freeze else "variable"
        size = f" of {brought.variable_bytes:,} bytes" if brought.variables else ""
        for count, noun, more in (
            (brought.functions, "function", ""),
            (brought.variables, kind, size),
            (brought.tables, "table", ""),
            (len(brought.assets), "asset", f" ({', '.join(brought.assets)})"),
            (brought.constants, "constant", ""),
        ):
            if count:
                yield f"{count} {noun}{'s'[: count != 1]}{more}"


@dataclass(frozen=True)
class TakeOutAdapter(SignatureEdit):
    """Takes out an adapter that an earlier patch put before or after a signature.

    Attributes:
        name: What the adapter is called in the model.
        position: Where it is.
        digest: The SHA-256 of the adapter.
    """

    name: str
    position: Position
    digest: str

    def apply(self, draft: MetaGraphDraft) -> None:
        """Does nothing: the model of the draft is without the adapter."""

    def irreversible(self) -> Iterator[str]:
        """The model does not say where the adapter is to be found."""
        yield (
            f"{self.where}: the adapter {self.name!r} (sha256:{self.digest[:12]}) is taken out for "
            "good; put it there again with a patch that names its directory."
        )

    def describe(self) -> str:
        """Returns for instance ``signature 'x': adapter 'tokenize' before it taken out``."""
        return f"{self.where}: adapter {self.name!r} {self.position} it taken out"
