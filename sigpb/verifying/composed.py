"""What an adapter and a model compute one after the other: the reference for a composed signature.

Each of them is loaded from its own directory, and values pass between them as arrays, so that
nothing of what sigpb does to compose them is in the reference.

Only the process that `sigpb.verifying.process` starts calls what is here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from sigpb.verifying.comparison import Array, Arrays
from sigpb.verifying.loaders import LOADERS, RunSignature
from sigpb.verifying.mapping import AdapterMapping, Feeding
from sigpb.verifying.runs import Loader, SessionLoader

AnyLoader = TypeVar("AnyLoader", bound=Loader)


def with_adapters(model: AnyLoader, adapters: Sequence[AdapterMapping]) -> AnyLoader | _InTurn:
    """Returns a model with adapters, each under the same loader; the model itself without any."""
    if not adapters:
        return model
    load = LOADERS[model.name]
    return _InTurn(model, [(each, load(each.directory, each.tags)) for each in adapters])


@dataclass(frozen=True)
class _InTurn:
    """A model whose signature has adapters before and after it.

    Attributes:
        model: The model without them.
        adapters: The adapters from those beside the model to the outermost ones, each with the
            model that it is.
    """

    model: Loader
    adapters: Sequence[tuple[AdapterMapping, Loader]]

    @property
    def name(self) -> str:
        """What the loader is called."""
        return self.model.name

    @contextlib.contextmanager
    def opened(
        self,
        key: str,
        optimized: bool = True,
        tensors: Mapping[str, str] | None = None,
        fed: Mapping[str, str] | None = None,
        feeding: Feeding | None = None,
    ) -> Iterator[RunSignature]:
        """Yields what runs a signature, with models that are newly loaded.

        Args:
            key: The key of the signature in the model.
            optimized: Whether graphs are optimized, or run as they are.
            tensors: The names of tensors of the model to return in place of its outputs, which
                pass no adapter then, by what to call them.
            fed: See `sigpb.verifying.runs.SessionLoader`.
            feeding: See there.

        Raises:
            LookupError: If something else is to be fed than the inputs of the signature.
        """
        if fed is not None or feeding is not None:
            raise LookupError("what is fed inside of a model with adapters cannot be compared")
        with contextlib.ExitStack() as stack:
            if tensors is None:
                run = stack.enter_context(self.model.opened(key, optimized))
            else:
                session = cast(SessionLoader, self.model)
                run = stack.enter_context(session.opened(key, optimized, tensors))
            for mapping, adapter in self.adapters:
                if mapping.position == "before" or tensors is None:
                    other = stack.enter_context(adapter.opened(mapping.signature, optimized))
                    run = _chained(run, other, mapping)
            yield run


def _chained(run: RunSignature, adapter: RunSignature, mapping: AdapterMapping) -> RunSignature:
    """Returns what runs an adapter and what it is put before or after."""

    def before(values: Mapping[str, Array]) -> Arrays:
        return run(_passed(values, adapter, mapping))

    def after(values: Mapping[str, Array]) -> Arrays:
        return _passed(run(values), adapter, mapping)

    return before if mapping.position == "before" else after


def _passed(values: Mapping[str, Array], adapter: RunSignature, mapping: AdapterMapping) -> Arrays:
    """Returns what becomes of values of which an adapter takes some."""
    taken = {name for name, _ in mapping.takes}
    made = adapter({inner: values[name] for name, inner in mapping.takes})
    passed = {name: value for name, value in values.items() if name not in taken}
    return passed | {name: made[inner] for inner, name in mapping.gives}
