"""Adapters and a model run one after the other, as the reference for what sigpb makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from sigpb.verifying import composed
from sigpb.verifying.composed import with_adapters
from sigpb.verifying.mapping import AdapterMapping, Feeding
from tests.verifying.test_trial import Model, model

Function = Callable[..., dict[str, Any]]
Names = Mapping[str, str]


def adapter(position: Any, directory: str, takes: Names, gives: Names) -> AdapterMapping:
    return AdapterMapping(directory, (), "serve", position, (*takes.items(),), (*gives.items(),))


ADAPTERS: dict[str, Function] = {
    "double": lambda x: {"y": 2 * x, "unused": x},
    "shift": lambda y: {"y": y + 1},
    "scale": lambda p: {"p": 10 * p, "q": -p},
    "sparse": lambda s_values, s_indices: {"t_values": s_values, "t_indices": s_indices + 1},
}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has adapters be those Python functions."""

    def load(directory: str, tags: tuple[str, ...]) -> Model:
        return model(ADAPTERS[directory])

    monkeypatch.setattr(composed, "LOADERS", {"v1": load})


def run(function: Function, adapters: list[AdapterMapping], **values: Any) -> dict[str, Any]:
    with with_adapters(model(function), adapters).opened("serving_default") as run:
        return dict(run({name: np.array(value) for name, value in values.items()}))


def linear(x: Any, y: Any) -> dict[str, Any]:
    return {"p": x + 100 * y, "s": x - y}


def test_a_model_without_adapters_is_itself() -> None:
    plain = model(linear)
    assert with_adapters(plain, ()) is plain


@pytest.mark.usefixtures("loaded")
def test_an_adapter_before_feeds_some_inputs_and_the_others_stay() -> None:
    before = adapter("before", "double", {"z": "x"}, {"y": "x"})
    assert run(linear, [before], z=3, y=1) == {"p": 106, "s": 5}


@pytest.mark.usefixtures("loaded")
def test_an_adapter_after_takes_outputs_and_the_others_stay() -> None:
    after = adapter("after", "scale", {"p": "p"}, {"p": "p", "q": "minus"})
    assert run(linear, [after], x=1, y=2) == {"p": 2010, "minus": -201, "s": -1}


@pytest.mark.usefixtures("loaded")
def test_values_pass_the_outermost_adapter_first_and_last() -> None:
    beside = adapter("before", "shift", {"y": "y"}, {"y": "x"})
    outermost = adapter("before", "double", {"x": "x"}, {"y": "y"})
    scaled = adapter("after", "scale", {"p": "p"}, {"p": "p"})
    adapters = [beside, scaled, outermost, scaled]
    assert run(lambda x: {"p": x}, adapters, x=3) == {"p": 700}
    swapped = [outermost, adapter("before", "shift", {"y": "y"}, {"y": "x"})]
    assert run(lambda y: {"p": y}, swapped, y=3) == {"p": 8}


@pytest.mark.usefixtures("loaded")
def test_all_tensors_of_a_composite_endpoint_pass() -> None:
    parts = {"a_values": "s_values", "a_indices": "s_indices"}
    before = adapter("before", "sparse", parts, {"t_values": "b_values", "t_indices": "b_indices"})

    def function(b_values: Any, b_indices: Any) -> dict[str, Any]:
        return {"p": b_values * 10 + b_indices}

    assert run(function, [before], a_values=4, a_indices=1) == {"p": 42}


@pytest.mark.usefixtures("loaded")
def test_inner_tensors_are_those_of_the_model_behind_the_adapters_before_it() -> None:
    inner = model(lambda x: {"p": x, "inside:0": x + 0.5})
    adapters = [
        adapter("before", "double", {"x": "x"}, {"y": "x"}),
        adapter("after", "scale", {"p": "p"}, {"p": "p"}),
    ]
    opened = with_adapters(inner, adapters).opened("key", tensors={"added": "inside:0"})
    with opened as run:
        assert run({"x": np.array(3)}) == {"added": 6.5}


@pytest.mark.usefixtures("loaded")
def test_what_is_fed_inside_is_refused() -> None:
    both = with_adapters(model(linear), [adapter("after", "scale", {"p": "p"}, {"p": "p"})])
    feeding = Feeding({"x": "inside:0"}, frozenset(), frozenset())
    for options in ({"fed": {"x": "x:0"}}, {"feeding": feeding}):
        with (
            pytest.raises(LookupError, match="inside of a model with adapters"),
            both.opened("key", **options),
        ):
            pass


@pytest.mark.usefixtures("loaded")
def test_adapters_run_as_they_are_where_the_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def load(directory: str, tags: tuple[str, ...]) -> Model:
        def make(optimized: bool) -> Function:
            seen.append(optimized)
            return ADAPTERS[directory]

        return Model(make)

    monkeypatch.setattr(composed, "LOADERS", {"v1": load})
    both = with_adapters(model(linear), [adapter("after", "scale", {"p": "p"}, {"p": "p"})])
    with both.opened("key", False) as run:
        run({"x": np.array(1), "y": np.array(1)})
    assert seen == [False]
