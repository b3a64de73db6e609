from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sigpb.steps.shape_matching import (
    LooksTransposed,
    Sizes,
    check_promise,
    check_reshape,
    shape_change,
    sources_of_unknown_sizes,
)
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import parse_shape


@pytest.mark.parametrize(
    ("source", "target", "change"),
    [
        ("[?,28]", "[?,28]", "same"),
        ("<unknown>", "<unknown>", "same"),
        ("[?,28]", "[1,28]", "refine"),
        ("<unknown>", "[?,28]", "refine"),
        ("[1,784]", "[?,784]", "relax"),
        ("[?,784]", "[?,?]", "relax"),
        ("[?,784]", "<unknown>", "relax"),
        ("[1,?,?,3]", "[?,224,224,3]", "relax"),
        ("[?,784]", "[?,28,28,1]", "reshape"),
        ("[1,784]", "[784]", "reshape"),
        ("[?]", "[?,1]", "reshape"),
        ("[]", "[1]", "reshape"),
        ("[1,15]", "[1,10]", "reshape"),
        ("[?,1]", "[1,?]", "reshape"),
        ("[?,4]", "[4,?]", "reshape"),
    ],
)
def test_shape_change(source: str, target: str, change: str) -> None:
    assert shape_change(parse_shape(source), parse_shape(target)) == change


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("[1,784]", "[784]"),
        ("[]", "[1,1]"),
        ("[0,3]", "[5,0]"),
        ("[?,784]", "[?,28,28,1]"),
        ("[?,28,1,28]", "[?,28,28,1]"),
        ("[?,12,5]", "[?,3,4,5]"),
        ("[?,3,4,5]", "[?,3,20]"),
        ("[6,4]", "[?,4]"),
        ("[6,4]", "[?,2,2]"),
        ("[9]", "[?,3]"),
        ("[0]", "[?,3]"),
        ("[2,?,3]", "[1,2,?,3,1]"),
        ("[?,100,4]", "[?,4]"),
        ("[?,?,15]", "[?,15]"),
        ("[?,3,?,15]", "[?,3,5]"),
        ("[?,?,64]", "[?,?,8,8]"),
        ("<unknown>", "[3]"),
        ("[3]", "<unknown>"),
    ],
)
def test_a_reshape_that_keeps_examples(source: str, target: str) -> None:
    check_reshape(parse_shape(source), parse_shape(target))


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("[1,15]", "[1,10]", r"\[1,15\] has 15 elements and \[1,10\] has 10 .* change the model"),
        ("[]", "[2]", r"\[\] has 1 element and \[2\] has 2 elements"),
        ("[?,15]", "[1,10]", "a multiple of 15 elements and .* has 10 elements"),
        ("[1,15]", "[?,10]", "15 elements and .* a multiple of 10 elements"),
        ("[3]", "[?,0]", "3 elements and .* 0 elements"),
        ("[?,15]", "[?,10]", "15 elements for each .* has 10: .* one example .* change the model"),
        ("[?,20]", "[?,10]", "20 elements for each .* has 10: .* one example"),
        ("[?,?,15]", "[?,5]", "15 elements for each .* has 5: .* one example"),
        ("[?,0]", "[?,3]", "0 elements for each .* has 3: .* one example"),
        ("[?,785]", "[5,?,157]", "1 element before .* has 5 elements: the .* another dimension"),
        ("[2,?,3]", "[?,3]", "2 elements before .* has 1 element: the .* another dimension"),
        ("[?,?,2]", "[2,?]", "1 element before .* has 2 elements: the .* another dimension"),
        ("[?]", "[?,100,4]", "multiple of 400, so .* cannot stand for any size"),
        ("[?]", "[]", r"\[\] has 1 element, so .*\[\?\] could .* any size. State \[1\] instead"),
        ("[?,2]", "[2]", r"State \[1,2\] instead"),
        ("[?,784]", "[2,28,28]", r"State \[2,784\] instead"),
        ("[?,?,4]", "[3,4]", r"State \[3,1,4\] instead"),
    ],
)
def test_a_reshape_that_does_not_keep_examples(source: str, target: str, said: str) -> None:
    for insist in (False, True):
        with pytest.raises(ConversionError, match=said) as caught:
            check_reshape(parse_shape(source), parse_shape(target), insist=insist)
        assert not isinstance(caught.value, LooksTransposed)


@pytest.mark.parametrize(
    ("source", "target", "how"),
    [
        ("[?,4,6,3]", "[?,3,4,6]", "has the sizes of"),
        ("[?,4,4,3]", "[?,4,3,4]", "has the sizes of"),
        ("[?,4,6,1]", "[?,1,6,4]", "has the sizes of"),
        ("[4,2,2]", "[2,2,4]", "has the sizes of"),
        ("[8,28,28,3]", "[?,3,28,28]", "divides the elements of"),
        ("[4,2,2]", "[2,?,4]", "divides the elements of"),
        ("[?,4,6]", "[?,8,3]", "divides the elements of"),
        ("[?,28,28,3]", "[?,3,784]", "divides the elements of"),
        ("[?,5,4,6,?]", "[?,5,8,3,?]", "divides the elements of"),
    ],
)
def test_a_reshape_that_looks_like_a_transpose(source: str, target: str, how: str) -> None:
    with pytest.raises(LooksTransposed, match=f"{how}.*use a transpose.*reshape: true"):
        check_reshape(parse_shape(source), parse_shape(target))
    check_reshape(parse_shape(source), parse_shape(target), insist=True)


@pytest.mark.parametrize(
    ("source", "target"),
    [("[?,784]", "[784,?]"), ("[?,28]", "[28,?,1]"), ("[?,?,?,3]", "[?,3,?,?]")],
)
def test_insisting_does_not_mix_examples(source: str, target: str) -> None:
    """No order of the elements makes this right for any size."""
    with pytest.raises(LooksTransposed):
        check_reshape(parse_shape(source), parse_shape(target))
    with pytest.raises(ConversionError, match=r"another dimension|known sizes around"):
        check_reshape(parse_shape(source), parse_shape(target), insist=True)


@pytest.mark.parametrize("target", ["[?]", "[?,2,2]", "[2,?,2]"])
def test_an_output_of_one_size_is_not_promised_to_have_any(target: str) -> None:
    with pytest.raises(ConversionError, match=r"has 4 elements, .* instead"):
        check_promise(parse_shape("[4]"), parse_shape(target))
    check_promise(parse_shape("[4]"), (2, 2))
    check_promise(parse_shape("[?,4]"), parse_shape(target))


SIZE = st.sampled_from([None, 1, 2, 3, 4, 6])
SHAPE = st.lists(SIZE, max_size=4).map(tuple)
"""Shapes, and shapes of which another divides or joins the dimensions."""


@st.composite
def shape_pairs(draw: st.DrawFn) -> tuple[Sizes, Sizes]:
    """Two shapes, of which the second often has the elements of the first."""
    source = draw(SHAPE)
    if draw(st.booleans()):
        return source, draw(SHAPE)
    target: list[int | None] = []
    for size in source:
        first = draw(st.sampled_from([n for n in range(1, 7) if (size or 1) % n == 0]))
        rest = size // first if size else size
        last = target[-1] if target else None
        if last and rest and draw(st.booleans()):
            target[-1:] = [last * rest, first]
        else:
            target += [first, rest] if draw(st.booleans()) else [rest, first]
    return source, tuple(target)


@given(pair=shape_pairs(), data=st.data())
def test_what_is_accepted_keeps_every_example_together(
    pair: tuple[Sizes, Sizes], data: st.DataObject
) -> None:
    """Whatever the sizes, each slice along the first ? stays in one piece, in its order."""
    source, target = pair
    try:
        check_reshape(source, target)
        axes = sources_of_unknown_sizes(source, target) if target.count(None) > 1 else ()
    except ConversionError:
        return
    actual = [data.draw(st.integers(1, 5)) if size is None else size for size in source]
    value = np.arange(math.prod(actual)).reshape(actual)
    sizes = [actual[axis] for axis in axes] or [-1]
    found = value.reshape([sizes.pop(0) if size is None else size for size in target])
    assert found.ravel().tolist() == value.ravel().tolist()
    if None not in source or None not in target:
        assert None not in source, "a ? would be of one size only"
        return
    before = source.index(None)
    after = target.index(None)
    leading = math.prod(actual[:before])
    assert math.prod(found.shape[:after]) == leading
    examples = value.reshape(leading, actual[before], -1)
    whole = found.reshape(leading, found.shape[after], -1)
    assert whole.shape[1] % examples.shape[1] == 0
    for number in range(examples.shape[1]):
        part = np.split(whole, examples.shape[1], axis=1)[number]
        assert part.reshape(leading, -1).tolist() == examples[:, number].tolist()


@given(pair=shape_pairs())
def test_what_is_accepted_only_splits_and_merges(pair: tuple[Sizes, Sizes]) -> None:
    """No dimension is cut into parts that are joined to parts of another."""
    assume(None not in (*pair[0], *pair[1]))
    try:
        check_reshape(*pair)
    except ConversionError:
        return
    old, new = ([size for size in shape if size and size != 1] for shape in pair)
    assert old == new or sorted(old) != sorted(new)
    while old and new:
        fewer, more = (old, new) if old[0] >= new[0] else (new, old)
        whole = fewer.pop(0)
        while whole > 1:
            assert whole % more[0] == 0
            whole //= more.pop(0)
    assert not old
    assert not new


@pytest.mark.parametrize(
    ("source", "target", "axes"),
    [
        ("[?,?,64]", "[?,?,8,8]", (0, 1)),
        ("[?,2,3,?,64]", "[1,?,6,?,8,8]", (0, 3)),
        ("[4,?,?]", "[2,2,?,?]", (1, 2)),
        ("[?,0]", "[?,0,5]", (0,)),
    ],
)
def test_unknown_sizes_that_are_found(source: str, target: str, axes: tuple[int, ...]) -> None:
    wanted = parse_shape(target)
    assert wanted is not None
    assert sources_of_unknown_sizes(parse_shape(source), wanted) == axes


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("[24]", "[?,?]", r"it has 2, and \[24\] has 0\. State numbers, all but one,"),
        ("[?,?,?]", "[?,?]", "it has 2, and .* has 3"),
        ("[?,?,64]", "[?,8,?,8]", "the known sizes around them"),
        ("<unknown>", "[?,?]", "rank of what comes in is unknown"),
        ("[0]", "[?,0]", "it has 1, .* State a number in place"),
    ],
)
def test_unknown_sizes_that_are_ambiguous(source: str, target: str, said: str) -> None:
    wanted = parse_shape(target)
    assert wanted is not None
    with pytest.raises(ConversionError, match=said):
        sources_of_unknown_sizes(parse_shape(source), wanted)


@pytest.mark.parametrize(
    ("source", "target", "step"),
    [
        ("[?,3,16,16]", "[?,16,16,3]", "transpose(0, 2, 3, 1)"),
        ("[?,4,6,3]", "[?,3,4,6]", "transpose(0, 3, 1, 2)"),
        ("[?,4,6,1]", "[?,6,4]", "transpose"),
    ],
)
def test_the_transpose_that_is_suggested(source: str, target: str, step: str) -> None:
    with pytest.raises(LooksTransposed) as caught:
        check_reshape(parse_shape(source), parse_shape(target))
    assert f"the step {step} in place of the shape" in str(caught.value)
