from __future__ import annotations

import re

import pytest

from sigpb.rewrite.conversion import conversion, is_batch_relaxed
from sigpb.rewrite.port import Side, WantedType, with_batch
from sigpb.steps.step import ConversionError
from sigpb.steps.syntax import parse_step
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape, shape_text
from tests.rewrite.drafts import conversion_to


def type_of(text: str) -> TensorType:
    """Reads a type such as ``float32 [?,3]``."""
    dtype, shape = text.split()
    return TensorType(dtype_of(dtype), parse_shape(shape))


def ops(side: Side, now: str, wanted: str) -> list[str]:
    return [
        type(step).__name__ for step in conversion_to(side, type_of(now), type_of(wanted)).steps
    ]


class TestInput:
    """What is fed has the type outside; the steps lead to the tensor."""

    @pytest.mark.parametrize(
        ("now", "wanted", "steps", "kinds", "inside"),
        [
            ("float32 [?,3]", "float32 [?,3]", [], (), "float32 [?,3]"),
            ("float32 [?,3]", "uint8 [?,3]", ["Cast"], ("cast",), "float32 [?,3]"),
            ("float32 [?,4]", "float32 [?,2,2]", ["Reshape"], ("reshape",), "float32 [?,4]"),
            (
                "float32 [?,4]",
                "uint8 [?,2,2]",
                ["Reshape", "Cast"],
                ("reshape", "cast"),
                "float32 [?,4]",
            ),
            ("float32 [?,3]", "float32 [8,3]", [], ("refine",), "float32 [8,3]"),
            ("float32 <unknown>", "float32 [8,3]", [], ("refine",), "float32 [8,3]"),
            ("float32 [?,3]", "int64 [8,3]", ["Cast"], ("refine", "cast"), "float32 [8,3]"),
            ("float32 [1,3]", "float32 [?,3]", [], ("relax",), "float32 [?,3]"),
            ("float32 [1,3]", "uint8 [?,3]", ["Cast"], ("relax", "cast"), "float32 [?,3]"),
            (
                "float32 [1,4]",
                "float32 [?,2,2]",
                ["Reshape"],
                ("relax", "reshape"),
                "float32 [?,4]",
            ),
            ("float32 [?,1]", "float32 [?]", ["Reshape"], ("reshape",), "float32 [?,1]"),
        ],
    )
    def test_steps(
        self, now: str, wanted: str, steps: list[str], kinds: tuple[str, ...], inside: str
    ) -> None:
        change = conversion_to("input", type_of(now), type_of(wanted))
        assert [type(step).__name__ for step in change.steps] == steps
        assert change.kinds == kinds
        assert change.outside == type_of(wanted)
        assert change.inside == type_of(inside)
        reached = change.outside
        for step in change.steps:
            reached = step.result(reached)
        if steps:
            assert reached.dtype == change.inside.dtype

    def test_losses_are_those_of_what_is_fed(self) -> None:
        assert conversion_to("input", type_of("float32 []"), type_of("uint8 []")).losses == ()
        assert conversion_to("input", type_of("uint8 []"), type_of("float32 []")).losses == (
            "truncates toward zero; values out of range are undefined",
        )

    @pytest.mark.parametrize(("now", "wanted"), [("[8,3]", "[8,?]"), ("[1,3]", "[?,?]")])
    def test_any_dimension_is_opened(self, now: str, wanted: str) -> None:
        change = conversion_to("input", type_of(f"float32 {now}"), type_of(f"float32 {wanted}"))
        assert change.kinds == ("relax",)
        assert change.steps == ()
        assert change.inside == type_of(f"float32 {wanted}")

    @pytest.mark.parametrize(
        ("now", "wanted"),
        [("[3]", "<unknown>"), ("[?,3]", "<unknown>"), ("[?,3]", "[4,?]")],
    )
    def test_nothing_else_may_change_then(self, now: str, wanted: str) -> None:
        with pytest.raises(ConversionError, match="differs in other dimensions too"):
            conversion_to("input", type_of(f"float32 {now}"), type_of(f"float32 {wanted}"))

    @pytest.mark.parametrize(
        ("now", "wanted", "stated"),
        [("[]", "[?]", "[1]"), ("[2]", "[?,2]", "[1,2]"), ("[?,1]", "[?]", None)],
    )
    def test_a_size_that_has_to_be_one(self, now: str, wanted: str, stated: str | None) -> None:
        if stated is None:
            assert ops("input", f"float32 {now}", f"float32 {wanted}") == ["Reshape"]
            return
        with pytest.raises(ConversionError, match=f"State {re.escape(stated)} instead"):
            conversion_to("input", type_of(f"float32 {now}"), type_of(f"float32 {wanted}"))
        assert ops("input", f"float32 {now}", f"float32 {stated}") == ["Reshape"]

    def test_number_of_elements(self) -> None:
        with pytest.raises(ConversionError, match="4 elements"):
            conversion_to("input", type_of("float32 [4]"), type_of("float32 [5]"))

    def test_no_conversion_of_a_handle(self) -> None:
        with pytest.raises(ConversionError, match="resource"):
            conversion_to("input", type_of("resource []"), type_of("float32 []"))


class TestOutput:
    """What is returned has the type outside; the steps lead from the tensor."""

    @pytest.mark.parametrize(
        ("now", "wanted", "steps", "kinds"),
        [
            ("float32 [?,3]", "int64 [?,3]", ["Cast"], ("cast",)),
            ("float32 [?,4]", "string [?,2,2]", ["Reshape", "AsString"], ("reshape", "as string")),
            ("float32 [?,3]", "float32 [8,3]", [], ("refine",)),
            ("float32 [8,3]", "float32 [8,?]", [], ("relax",)),
            ("float32 [8,3]", "float32 [?,3]", [], ("relax",)),
            ("float32 [3]", "float32 <unknown>", [], ("relax",)),
        ],
    )
    def test_steps(self, now: str, wanted: str, steps: list[str], kinds: tuple[str, ...]) -> None:
        change = conversion_to("output", type_of(now), type_of(wanted))
        assert [type(step).__name__ for step in change.steps] == steps
        assert change.kinds == kinds
        assert change.outside == type_of(wanted)

    @pytest.mark.parametrize(
        ("now", "wanted"), [("[]", "[?]"), ("[2]", "[?,2]"), ("[?,2]", "[2]"), ("[?]", "[]")]
    )
    def test_a_size_that_is_always_one(self, now: str, wanted: str) -> None:
        with pytest.raises(ConversionError, match=r"could not stand for any size\. State \[1"):
            conversion_to("output", type_of(f"float32 {now}"), type_of(f"float32 {wanted}"))

    def test_losses_are_those_of_the_tensor(self) -> None:
        assert conversion_to("output", type_of("float32 []"), type_of("int8 []")).losses == (
            "truncates toward zero; values out of range are undefined",
        )
        assert conversion_to("output", type_of("int8 []"), type_of("float32 []")).losses == ()


SIDES: list[Side] = ["input", "output"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("now", "wanted"),
    [("[?,4,6,3]", "[?,3,4,6]"), ("[?,4,4,3]", "[?,4,3,4]"), ("[?,4,6]", "[?,8,3]")],
)
def test_what_looks_like_a_transpose_has_to_be_insisted_on(
    side: Side, now: str, wanted: str
) -> None:
    types = type_of(f"float32 {now}"), type_of(f"uint8 {wanted}")
    with pytest.raises(ConversionError, match=r"use a transpose.*reshape: true"):
        conversion_to(side, *types)
    assert conversion_to(side, *types, insist=True).kinds == ("reshape", "cast")


@pytest.mark.parametrize("side", SIDES)
def test_the_batch_stays_where_it_is(side: Side) -> None:
    types = type_of("float32 [?,4]"), type_of("float32 [4,?]")
    with pytest.raises(ConversionError, match="use a transpose"):
        conversion_to(side, *types)
    with pytest.raises(ConversionError, match=r"the \? would be another dimension"):
        conversion_to(side, *types, insist=True)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("now", "wanted"), [("[?,3]", "[0,3]"), ("[?,3]", "[?,0]"), ("<unknown>", "[0]")]
)
def test_no_size_may_become_zero(side: Side, now: str, wanted: str) -> None:
    with pytest.raises(ConversionError, match="a size of 0, so that there would be no values"):
        conversion_to(side, type_of(f"float32 {now}"), type_of(f"float32 {wanted}"))
    same = type_of(f"uint8 {wanted}")
    assert conversion_to(side, type_of(f"float32 {wanted}"), same).kinds == ("cast",)


def test_the_steps_of_an_input_are_those_of_an_output_the_other_way_round() -> None:
    assert ops("input", "int64 [4]", "float32 [2,2]") == ops("output", "float32 [2,2]", "int64 [4]")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("[1,3]", "[?,3]", True),
        ("[1]", "[?]", True),
        ("[1,4]", "[?,2,2]", True),
        ("[1,?]", "[?,?]", True),
        ("[?,3]", "[?,3]", False),
        ("[1,3]", "[8,3]", False),
        ("[1,3]", "[?,?]", False),
        ("[1,3]", "[?,5]", False),
        ("[1,?]", "[?,3]", False),
        ("[]", "[?]", False),
        ("[1]", "[]", False),
        ("<unknown>", "[?]", False),
        ("[1]", "<unknown>", False),
    ],
)
def test_is_batch_relaxed(before: str, after: str, expected: bool) -> None:
    assert is_batch_relaxed(parse_shape(before), parse_shape(after)) is expected


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ("[1,3]", None, "[?,3]"),
        ("[?,3]", 8, "[8,3]"),
        ("[]", 8, "[]"),
        ("<unknown>", 8, "<unknown>"),
    ],
)
def test_with_batch(shape: str, size: int | None, expected: str) -> None:
    assert shape_text(with_batch(parse_shape(shape), size)) == expected


def test_is_worked_out_once() -> None:
    before, after = type_of("float32 [?,4]"), type_of("uint8 [?,2,2]")
    assert conversion_to("input", before, after) is conversion_to("input", before, after)
    assert conversion_to("output", before, after) != conversion_to("input", before, after)


def test_images_of_any_size_for_a_tensor_of_one() -> None:
    steps = (parse_step("decode_image(3)"),)
    with pytest.raises(ConversionError) as error:
        conversion("input", type_of("float32 [?,224,299,3]"), WantedType(steps=steps))
    assert str(error.value) == (
        "the steps give images of any size, [?,?,?,3], and the tensor takes [?,224,299,3]; add the "
        "step resize(224, 299)"
    )
    channels_first = (*steps, parse_step("layout('NHWC', 'NCHW')"))
    with pytest.raises(ConversionError, match=r"only the first dimension \(the batch\)"):
        conversion("input", type_of("float32 [?,3,224,299]"), WantedType(steps=channels_first))
    found = conversion("input", type_of("float32 [?,?,?,3]"), WantedType(steps=steps))
    assert found.outside == type_of("string [?]")


@pytest.mark.parametrize(
    ("steps", "tensor", "said"),
    [
        (
            "decode_image(3) resize(12,10)",
            "[?,12,10,1]",
            "the steps give images of other channels, [?,12,10,3], and the tensor takes "
            "[?,12,10,1]; add the step grayscale(), or have clients, or decode_image, give 1",
        ),
        (
            "decode_image(4)",
            "[1,?,?,3]",
            "the steps give images of other channels, [1,?,?,4], and the tensor takes [1,?,?,3]; "
            "add the step slice(0, 3), or have clients, or decode_image, give 3",
        ),
        (
            "decode_image(1) resize(12,10)",
            "[?,12,10,3]",
            "the steps give images of other channels, [?,12,10,1], and the tensor takes "
            "[?,12,10,3]; have clients, or decode_image, give 3",
        ),
        (
            "decode_image(3) resize(12,10) pad(1,1,1,1)",
            "[?,12,10,3]",
            "the steps give images of another size, [?,14,12,3], and the tensor takes "
            "[?,12,10,3]; add the step resize(12, 10)",
        ),
    ],
)
def test_images_that_no_reshape_makes(steps: str, tensor: str, said: str) -> None:
    with pytest.raises(ConversionError) as error:
        conversion("input", type_of(f"float32 {tensor}"), wanted_steps(steps))
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("steps", "tensor", "said"),
    [
        ("decode_image(3) resize(10,12)", "[?,12,10,3]", "in another order"),
        ("decode_image(3) resize(12,10)", "[?,12,10,7]", "move elements from one example"),
        ("decode_image(3) resize(12,10) pad(1,1,1,1)", "[?,12,10,1]", "move elements from one"),
    ],
)
def test_images_that_are_refused_as_other_tensors_are(steps: str, tensor: str, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        conversion("input", type_of(f"float32 {tensor}"), wanted_steps(steps))


def wanted_steps(steps: str) -> WantedType:
    """Returns what asks for steps, which are separated by spaces."""
    return WantedType(steps=tuple(map(parse_step, steps.split())))


def test_files_are_found_out_behind_a_slice() -> None:
    steps = wanted_steps("decode_image(4) resize(12,10) slice(0,3)")
    for shape, outside in (("[?,12,10,3]", "[?]"), ("[1,12,10,3]", "[1]"), ("<unknown>", "[?]")):
        found = conversion("input", type_of(f"float32 {shape}"), steps)
        assert found.outside == type_of(f"string {outside}")
    with pytest.raises(ConversionError, match="state the shape that clients see"):
        conversion("input", type_of("float32 [?,3]"), wanted_steps("slice(0,3)"))


@pytest.mark.parametrize(
    ("shape", "tensor"),
    [
        ("[2,6,10,3]", "[1,12,10,3]"),
        ("[6,12,10,1]", "[2,12,10,3]"),
        ("[?,12,10,3]", "[?,?,10,3]"),
    ],
)
def test_images_that_become_others_all_the_same(shape: str, tensor: str) -> None:
    wanted = WantedType(
        dtype_of("uint8"), parse_shape(shape), insist=True, steps=(parse_step("cast('float32')"),)
    )
    assert conversion("input", type_of(f"float32 {tensor}"), wanted).outside == type_of(
        f"uint8 {shape}"
    )
