"""What a signature with adapters computes: each model is run from its own directory, in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tools.fuzz.differential.runs import Arrays
from tools.fuzz.differential.views import Endpoint

from . import loaders
from .loaders import Place

Run = Callable[[Sequence[Arrays]], list[Arrays]]


class DoNotFit(Exception):
    """No model can do what is asked for."""


@dataclass(frozen=True)
class Adapter:
    """A signature that is put before or behind another one.

    Attributes:
        place: The signature.
        pairs: Which outputs feed which inputs whose key is another.
        is_frozen: Whether its variables become constants.
    """

    place: Place
    pairs: Mapping[str, str]
    is_frozen: bool = False


@dataclass(frozen=True)
class Chain:
    """What takes some inputs and returns some outputs, and how it is run."""

    inputs: Mapping[str, Endpoint]
    outputs: Mapping[str, Endpoint]
    run: Run


def chain(
    place: Place,
    before: Sequence[Adapter],
    after: Sequence[Adapter],
    loader: str,
    *,
    optimized: bool = True,
) -> Chain:
    """Returns a signature behind some adapters and before others.

    Args:
        place: The signature.
        before: The adapters before it, in the order in which values pass.
        after: Those behind it, in the same order.
        loader: How each of the models is loaded.
        optimized: Whether TensorFlow may replace nodes by others.

    Raises:
        DoNotFit: If nothing feeds what has to be fed, or if two endpoints had one key.
    """

    def single(place: Place) -> Chain:
        signature = place.signature
        run = partial(loaders.run, loader, place, optimized=optimized)
        return Chain(signature.inputs, signature.outputs, run)

    whole = single(place)
    for adapter in reversed(before):
        whole = _behind(single(adapter.place), whole, adapter.pairs, keeps=False)
    for adapter in after:
        whole = _behind(whole, single(adapter.place), adapter.pairs, keeps=True)
    return whole


def _behind(first: Chain, second: Chain, pairs: Mapping[str, str], *, keeps: bool) -> Chain:
    """Returns the second chain fed by the first.

    Args:
        first: What is run first.
        second: What takes its outputs.
        pairs: Which outputs feed which inputs whose key is another.
        keeps: Whether outputs that feed nothing are returned, and all inputs have to be fed.
    """
    if unknown := {*pairs} - {*first.outputs} | {*pairs.values()} - {*second.inputs}:
        raise DoNotFit(f"there are no {sorted(unknown)}")
    same = {key for key in first.outputs if key in second.inputs}
    fed = {key: key for key in same if key not in pairs and key not in pairs.values()} | {**pairs}
    for output, key in fed.items():
        if len(first.outputs[output].parts) != len(second.inputs[key].parts):
            raise DoNotFit(f"{output!r} and {key!r} are not made of as many tensors")
    left = {key: end for key, end in second.inputs.items() if key not in fed.values()}
    kept = {key: end for key, end in first.outputs.items() if keeps and key not in fed}
    if not fed or (keeps and left):
        raise DoNotFit(f"nothing feeds {sorted(left)}")
    if both := {*first.inputs} & {*left} | {*kept} & {*second.outputs}:
        raise DoNotFit(f"there are two of {sorted(both)}")

    def run(feeds: Sequence[Arrays]) -> list[Arrays]:
        results = first.run([_some(feed, first.inputs) for feed in feeds])
        passed = [
            {
                to: result[part]
                for output, key in fed.items()
                for part, to in zip(
                    first.outputs[output].parts, second.inputs[key].parts, strict=True
                )
            }
            for result in results
        ]
        given = [one | _some(feed, left) for one, feed in zip(passed, feeds, strict=True)]
        last = second.run(given)
        return [_some(one, kept) | other for one, other in zip(results, last, strict=True)]

    return Chain({**first.inputs, **left}, {**kept, **second.outputs}, run)


def _some(values: Arrays, endpoints: Mapping[str, Endpoint]) -> Arrays:
    return {part: values[part] for endpoint in endpoints.values() for part in endpoint.parts}
