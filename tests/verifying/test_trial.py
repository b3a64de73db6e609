"""Signatures as Python functions in place of those that TensorFlow runs."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from sigpb.steps.broadcast import Broadcast
from sigpb.steps.conversion import convert
from sigpb.verifying.comparison import Tolerance
from sigpb.verifying.mapping import AddedOutput, Feeding, OutputMapping, SignatureMapping
from sigpb.verifying.report import LoaderReport
from sigpb.verifying.trial import Trial
from tests.verifying.mappings import input_, output, signature, type_of

Function = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Model:
    """A model with one signature; `make` loads it."""

    make: Callable[[bool], Function]
    name: str = "v1"

    @contextlib.contextmanager
    def opened(
        self,
        key: str,
        optimized: bool = True,
        tensors: Mapping[str, str] | None = None,
        fed: Mapping[str, str] | None = None,
        feeding: Feeding | None = None,
    ) -> Iterator[Callable[[Any], Any]]:
        function = self.make(optimized)

        def run(values: Any) -> Any:
            results = function(**{(fed or {}).get(key, key): values[key] for key in values})
            if tensors is None:
                return {name: value for name, value in results.items() if ":" not in name}
            return {new: results[name] for new, name in tensors.items()}

        yield run


def model(function: Function) -> Model:
    return Model(lambda optimized: function)


def linear(x: Any, y: Any) -> dict[str, Any]:
    return {"p": 2 * x + y, "s": x - y}


LINEAR = signature(*(input_(key, "float64 [?,3]") for key in "xy"), *(output(key) for key in "ps"))


WITH_ADDED = signature(
    *LINEAR.inputs, *LINEAR.outputs, added=(AddedOutput("t", "inner:0", type_of("float64 [?,3]")),)
)


def trial(
    old: Function | Model,
    new: Function | Model,
    mapped: SignatureMapping = LINEAR,
    sizes: tuple[int, ...] = (1, 2, 5),
    **options: Any,
) -> LoaderReport:
    models = [each if isinstance(each, Model) else model(each) for each in (old, new)]
    old_model, new_model = models
    return Trial(mapped, sizes, **options).run(old_model, new_model, old_model)


def statuses(report: LoaderReport) -> dict[str, str]:
    return {each.new: each.status for each in report.outputs}


def test_same() -> None:
    report = trial(linear, linear)

    assert (report.status, report.batch_sizes, report.problems) == ("same", (1, 2, 5), ())
    assert statuses(report) == {"p": "same", "s": "same"}


def test_swapped_outputs() -> None:
    report = trial(linear, lambda **fed: dict(zip("sp", linear(**fed).values(), strict=True)))

    assert report.status == "different"
    assert statuses(report) == {"p": "different", "s": "different"}


def test_swapped_inputs() -> None:
    assert trial(linear, lambda x, y: linear(x=y, y=x)).status == "different"


def test_renames() -> None:
    mapped = signature(
        input_("x", "float64 [?]", new="b"),
        input_("y", "float64 [?]", new="a"),
        output("p", new="s"),
        output("s", new="p"),
    )

    def renamed(a: Any, b: Any) -> dict[str, Any]:
        return {"s": 2 * b + a, "p": b - a}

    assert trial(linear, renamed, mapped).status == "same"


def test_where_an_output_differs_most() -> None:
    def wrong(x: Any, y: Any) -> dict[str, Any]:
        return {"p": 2 * x + y, "s": x - y + (len(x) == 2) + 0.5}

    report = trial(linear, wrong)

    assert statuses(report) == {"p": "same", "s": "different"}
    found = report.outputs[1].difference
    assert found is not None
    assert (found.batch_size, found.reason) == (2, "6 of 6 elements differ")
    assert round(found.worst or 0, 6) == 1.5


def test_output_that_is_missing_and_one_that_is_not_expected() -> None:
    report = trial(linear, lambda **fed: {"p": linear(**fed)["p"], "t": 0})

    assert report.status == "different"
    assert statuses(report) == {"p": "same", "s": "different"}
    assert report.outputs[1].difference is not None
    assert report.outputs[1].difference.reason == "it is missing"
    assert report.problems == ("output 't' is returned, which is not expected",)


def test_added_output() -> None:
    def old(x: Any, y: Any) -> dict[str, Any]:
        return {**linear(x, y), "inner:0": x + 10}

    def new(x: Any, y: Any, z: float = 10) -> dict[str, Any]:
        return {**linear(x, y), "t": x + z}

    assert statuses(trial(old, new, WITH_ADDED)) == {"p": "same", "s": "same", "t": "same"}
    wrong = trial(old, lambda x, y: new(x, y, 11), WITH_ADDED)
    assert (wrong.status, statuses(wrong)["t"]) == ("different", "different")
    missing = trial(old, linear, WITH_ADDED)
    assert missing.status == "different"
    assert str(missing.outputs[2].difference) == "it is missing in a batch of 1"


def test_added_output_that_returns_what_is_fed() -> None:
    # An input that only the new model has, and one whose values are converted.
    mapped = signature(
        input_("x", "int32 [?,3]", "float64 [?,3]", new="z"),
        input_("y", "float64 [?,3]"),
        replace(input_("id", "int64 [?]"), old=None),
        output("p"),
        added=(
            AddedOutput("key", "id", type_of("int64 [?]"), fed="id"),
            AddedOutput("sent", "z", type_of("int32 [?,3]"), fed="z"),
        ),
    )

    def old(x: Any, y: Any) -> dict[str, Any]:
        return {"p": x + y}

    def new(z: Any, y: Any, id: Any, plus: int = 0) -> dict[str, Any]:
        return {"p": z + y, "key": id + plus, "sent": z}

    assert statuses(trial(old, new, mapped)) == {"p": "same", "key": "same", "sent": "same"}
    wrong = trial(old, lambda **fed: new(**fed, plus=1), mapped)
    assert statuses(wrong) == {"p": "same", "key": "different", "sent": "same"}
    taken = trial(old, lambda **fed: {**new(**fed), "sent": 1.0 * fed["z"]}, mapped)
    assert statuses(taken)["sent"] == "different"


def test_rows_that_are_made_of_one() -> None:
    # An input and an output without rows, which are repeated for those of another input.
    row = replace(input_("y", "float64 [3]", "float64 [?,3]"), steps=(Broadcast(),), rows_of="x")
    mapped = signature(
        input_("x", "float64 [?,3]"),
        row,
        output("p"),
        replace(output("c"), steps=(Broadcast(),), rows_of="x"),
        added=(AddedOutput("sent", "y", type_of("float64 [?,3]"), (Broadcast(),), None, "x", "y"),),
    )

    def old(x: Any, y: Any) -> dict[str, Any]:
        assert x.shape == y.shape
        return {"p": x * y, "c": np.float64([1, 2])}

    def new(x: Any, y: Any, rows: int = 0) -> dict[str, Any]:
        count = len(x) + rows
        repeated, constant = np.tile(y, (count, 1)), np.tile([1.0, 2.0], (count, 1))
        return {"p": x * y, "c": constant, "sent": repeated}

    assert statuses(trial(old, new, mapped)) == {"p": "same", "c": "same", "sent": "same"}
    wrong = trial(old, lambda **fed: new(**fed, rows=1), mapped)
    assert statuses(wrong) == {"p": "same", "c": "different", "sent": "different"}


CREATED = SignatureMapping(
    "new",
    "new",
    tuple(input_(key, "float64 [?,3]") for key in "xy"),
    (),
    (AddedOutput("t", "inner:0", type_of("float64 [?,3]")),),
    fed={"x": "u", "y": "v"},
)


@pytest.mark.parametrize(("factor", "status"), [(2, "same"), (3, "different")])
def test_signature_that_the_old_model_does_not_have(factor: int, status: str) -> None:
    report = trial(lambda u, v: {"inner:0": 2 * u - v}, lambda x, y: {"t": factor * x - y}, CREATED)
    assert (report.status, statuses(report)) == (status, {"t": status})


def test_new_signature_whose_tensors_cannot_be_run() -> None:
    def fails(**fed: Any) -> dict[str, Any]:
        raise ValueError("no such tensor")

    report = trial(fails, lambda x, y: {"t": x - y}, CREATED)
    assert (report.status, report.problems) == (
        "not verified",
        ("outputs that are added were not compared: ValueError: no such tensor",),
    )


def test_added_output_whose_tensor_cannot_be_run() -> None:
    report = trial(linear, lambda **fed: {**linear(**fed), "t": 0}, WITH_ADDED)

    assert report.status == "not verified"
    assert statuses(report) == {"p": "same", "s": "same", "t": "not verified"}
    assert report.skipped == ("output 't'",)
    assert report.problems == ("outputs that are added were not compared: KeyError: 'inner:0'",)


def test_added_output_that_is_random() -> None:
    random = np.random.default_rng()

    def noisy(x: Any, y: Any) -> dict[str, Any]:
        return {**linear(x, y), "inner:0": random.random(3), "t": random.random(3)}

    report = trial(
        lambda x, y: {k: v for k, v in noisy(x, y).items() if k != "t"},
        lambda x, y: {k: v for k, v in noisy(x, y).items() if k != "inner:0"},
        WITH_ADDED,
    )

    assert report.status == "not verified"
    assert statuses(report) == {"p": "same", "s": "same", "t": "not verified"}


def test_runs_before_but_not_after() -> None:
    def fails(**fed: Any) -> dict[str, Any]:
        raise RuntimeError("no such\nthing")

    report = trial(linear, fails)

    assert report.status == "different"
    assert report.problems[0] == (
        "ran before in a batch of 1, and does not any more: RuntimeError: no such thing"
    )


def test_runs_in_neither() -> None:
    def fails(**fed: Any) -> dict[str, Any]:
        raise RuntimeError("Op type not registered 'NoSuchOp' in binary running on a machine.")

    report = trial(fails, fails)

    assert (report.status, report.outputs, report.batch_sizes) == ("not verified", (), ())
    assert report.problems == ("not run: TensorFlow does not know the op 'NoSuchOp'",)
    assert report.unrunnable


def test_model_that_cannot_be_loaded() -> None:
    def fail(optimized: bool) -> Function:
        raise ValueError("damaged")

    report = trial(Model(fail), linear)
    assert (report.problems, report.unrunnable) == (("not run: ValueError: damaged",), True)
    assert trial(linear, Model(fail)).status == "different"


def test_batch_size_that_fails_before() -> None:
    def pairs(x: Any, y: Any) -> dict[str, Any]:
        if len(x) > 2:
            raise RuntimeError("too many")
        return linear(x, y)

    report = trial(pairs, linear, sizes=(1, 2, 5, 7))

    assert (report.status, report.batch_sizes) == ("same", (1, 2))
    assert report.problems == ("not run in a batch of 5 or 7: RuntimeError: too many",)
    assert report.skipped == ("a batch of 5 or 7",)


def test_a_batch_size_that_fails_for_several_reasons_is_left_out_once() -> None:
    reasons = iter("abcdef")

    def pairs(x: Any, y: Any) -> dict[str, Any]:
        if len(x) > 2:
            raise RuntimeError(next(reasons))
        return linear(x, y)

    report = trial(pairs, linear, sizes=(1, 5, 5, 7))

    assert report.problems == (
        "not run in a batch of 5: RuntimeError: a",
        "not run in a batch of 5: RuntimeError: b",
        "not run in a batch of 7: RuntimeError: c",
    )
    assert report.skipped == ("a batch of 5 or 7",)


def test_values_that_the_old_model_does_not_take_are_no_reason_to_call_it_unrunnable() -> None:
    def fails(**fed: Any) -> dict[str, Any]:
        raise RuntimeError("no JPEG")

    report = trial(fails, fails)

    assert (report.status, report.unrunnable) == ("not verified", False)


@pytest.mark.parametrize(
    ("value", "what", "status"),
    [
        (np.zeros(3), "0.0", "same"),
        (np.array([b"no"] * 3, object), "b'no'", "same"),
        (np.full(3, np.nan), "NaN", "not verified"),
        (np.zeros([0, 4]), "empty", "not verified"),
    ],
)
def test_output_that_is_the_same_for_all_values(value: Any, what: str, status: str) -> None:
    mapped = signature(*LINEAR.inputs, output("p"))

    report = trial(lambda x, y: {"p": value}, lambda x, y: {"p": value}, mapped)

    assert report.status == status
    assert report.vague == (f"output 'p', which was {what} for all values",)


def test_an_output_that_says_nothing_is_named_beside_those_that_do() -> None:
    def both(x: Any, y: Any) -> dict[str, Any]:
        return {"p": x, "s": np.full(3, np.nan)}

    report = trial(both, both)

    assert report.status == "same"
    assert report.vague == ("output 's', which was NaN for all values",)


def test_other_values_are_tried_where_all_results_are_one() -> None:
    """Of numbers from 0 to 1, ReLU of the opposite is 0."""

    def relu(x: Any, y: Any) -> dict[str, Any]:
        return {"p": np.maximum(-x, 0), "s": y}

    assert trial(relu, relu).vague == ()
    assert trial(relu, lambda x, y: {"p": 0 * x, "s": y}).status == "different"


def test_samples_are_not_made_other() -> None:
    samples = {key: np.ones([2, 3]) for key in "xy"}
    seen = []

    def noted(x: Any, y: Any) -> dict[str, Any]:
        seen.append(x)
        return {"p": 0 * x, "s": y}

    report = trial(noted, linear, samples=samples)

    assert all((each == 1).all() for each in seen)
    assert report.status == "different"


def test_classes_that_are_out_of_range_are_made_smaller() -> None:
    table = np.array([1.0, 2.0])
    mapped = signature(input_("x", "int64 [9]"), output("p"))

    report = trial(lambda x: {"p": table[x]}, lambda x: {"p": table[x] * 2}, mapped)

    assert report.status == "different"


def test_unknown_rank_that_is_a_scalar() -> None:
    mapped = signature(input_("x", "float32 <unknown>"), output("p"))

    assert trial(lambda x: {"p": float(x)}, lambda x: {"p": float(x) + 1}, mapped).status == (
        "different"
    )


def test_every_model_is_loaded_anew() -> None:
    def counter(optimized: bool) -> Function:
        numbers = itertools.count()
        return lambda: {"n": np.array(next(numbers))}

    mapped = signature(output("n"))

    assert trial(Model(counter), Model(counter), mapped).status == "same"


def test_no_inputs_and_no_outputs() -> None:
    report = trial(dict, dict, signature())

    assert (report.status, report.batch_sizes, report.outputs) == ("same", (), ())


def test_values_that_are_never_the_same() -> None:
    random = np.random.default_rng()

    def noisy(x: Any, y: Any) -> dict[str, Any]:
        return {**linear(x, y), "s": random.random(4)}

    report = trial(noisy, noisy)

    assert report.status == "not verified"
    assert statuses(report) == {"p": "same", "s": "not verified"}
    assert report.problems == (
        "not compared: the old model itself returns other values in every run for 's'",
    )


def test_noise_excuses_no_other_output() -> None:
    random = np.random.default_rng()

    def noisy(x: Any, y: Any) -> dict[str, Any]:
        return {"p": 2 * x + y, "s": random.random(4)}

    report = trial(noisy, lambda x, y: {**noisy(x, y), "p": x})

    assert report.status == "different"
    assert statuses(report) == {"p": "different", "s": "not verified"}


def optimized_to(error: float) -> Model:
    """A model that is `linear`, but for an error that TensorFlow's optimizer makes."""

    def make(optimized: bool) -> Function:
        return lambda x, y: {**linear(x, y), "p": 2 * x + y + error * optimized}

    return Model(make)


def test_rounding_of_the_optimizer_is_excused() -> None:
    report = trial(linear, optimized_to(1e-9))

    assert report.status == "same"
    assert report.problems == (
        "the same but for rounding: TensorFlow's optimizer orders sums anew where it can",
    )


def test_more_than_rounding_is_not() -> None:
    assert trial(linear, optimized_to(0.1)).status == "different"


def test_rounding_that_is_not_the_optimizers_is_not() -> None:
    report = trial(linear, lambda x, y: {**linear(x, y), "p": 2 * x + y + 1e-9})

    assert report.status == "different"


def test_tolerance() -> None:
    def near(x: Any, y: Any) -> dict[str, Any]:
        return {"p": 2 * x + y + 0.01, "s": x - y}

    assert trial(linear, near, tolerance=Tolerance(atol=0.02)).status == "same"
    assert trial(linear, near, tolerance=Tolerance(atol=0.001)).status == "different"


OPENED = signature(input_("x", "float64 [?]", rows=2), output("p", batch_axis=0), output("total"))


def fixed(x: Any) -> dict[str, Any]:
    assert len(x) == 2
    return {"p": 3 * x, "total": x.sum()}


def test_opened_batch() -> None:
    report = trial(fixed, lambda x: {"p": 3 * x, "total": x.sum()}, OPENED)

    assert (report.status, report.batch_sizes) == ("same", (2, 4, 10))
    assert statuses(report) == {"p": "same", "total": "same"}


def test_opened_batch_that_mixes_rows() -> None:
    report = trial(fixed, lambda x: {"p": 3 * x + (len(x) > 2), "total": x.sum()}, OPENED)

    assert statuses(report) == {"p": "different", "total": "same"}


def test_opened_batch_may_round_otherwise() -> None:
    report = trial(fixed, lambda x: {"p": 3 * x + 1e-9 * (len(x) > 2), "total": x.sum()}, OPENED)

    assert report.status == "same"


def test_samples() -> None:
    seen = []

    def noted(x: Any, y: Any) -> dict[str, Any]:
        seen.append((x.tolist(), y.shape))
        return linear(x, y)

    report = trial(noted, linear, samples={"x": np.array([[1.0, 2, 3]] * 4)})

    assert report.batch_sizes == (4,)
    assert seen == [([[1.0, 2, 3]] * 4, (4, 3))]


def test_values_that_cannot_be_made() -> None:
    report = trial(linear, linear, signature(input_("x", "resource [?]")))

    assert report.status == "not verified"
    assert report.problems == ("not run: no values can be made up for the dtype resource",)


def test_values_that_are_given_need_not_be_made() -> None:
    mapped = signature(input_("x", "resource [?]"), output("p"))

    report = trial(lambda x: {"p": x}, lambda x: {"p": x}, mapped, samples={"x": np.ones(3)})

    assert (report.status, report.batch_sizes) == ("same", (3,))


def test_text_that_does_not_read_as_the_number_it_is_to_be() -> None:
    text, number = type_of("string [?]"), type_of("float32 [?]")
    mapped = signature(OutputMapping("p", "p", number, steps=convert(text, number)))

    report = trial(lambda: {"p": np.array([b"x"], object)}, lambda: {"p": np.ones(1)}, mapped)

    assert str(report.outputs[0].difference) == (
        "the old model's value cannot be converted: b'x' does not read as float32."
    )
