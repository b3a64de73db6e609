from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.patching.warmup.values import adapt
from sigpb.tf.tensor_elements import elements, set_elements, sizes
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape, shape_proto


def sent(count: int, *shape: int, packed: bool = False, dtype: str = "int32") -> protos.TensorProto:
    """The values 0, 1, 2, … in a tensor."""
    tensor = protos.TensorProto(dtype=dtype_of(dtype), tensor_shape=shape_proto(shape))
    tensor.tensor_content = b"\0" if packed else b""
    set_elements(tensor, list(range(count)))
    return tensor


def of(shape: str, dtype: str = "int32") -> TensorType:
    return TensorType(dtype_of(dtype), parse_shape(shape))


@pytest.mark.parametrize(
    ("shape", "before", "after", "wanted"),
    [
        ([2, 4], "[?,4]", "[?,2,2]", (2, 2, 2)),
        ([2, 4], "[?,4]", "[?,4,1]", (2, 4, 1)),
        ([2, 4], "[?,4]", "[?]", (8,)),
        ([2, 4], "[?,4]", "<unknown>", (2, 4)),
        ([2, 4], "[?,4]", "[2,4]", (2, 4)),
        ([1, 4], "[1,4]", "[?,4]", (1, 4)),
        ([1, 4], "[1,4]", "[?,2,2]", (1, 2, 2)),
        ([8], "[8]", "[2,4]", (2, 4)),
        ([1], "[1]", "[]", ()),
        ([], "[]", "[1]", (1,)),
        ([2, 3, 8], "[?,?,8]", "[?,?,2,4]", (2, 3, 2, 4)),
        ([8, 4], "[?,4]", "[?,?,4]", (8, 1, 4)),
        ([3, 4], "<unknown>", "[?,4]", (3, 4)),
        ([12], "<unknown>", "[?,4]", (3, 4)),
        ([0, 4], "[?,4]", "[?,2,2]", (0, 2, 2)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_elements_stay(
    shape: list[int], before: str, after: str, wanted: tuple[int, ...], packed: bool
) -> None:
    tensor = sent(24, *shape, packed=packed)
    expected = protos.TensorProto.FromString(tensor.SerializeToString())
    expected.tensor_shape.CopyFrom(shape_proto(wanted))
    assert adapt(tensor, of(before), of(after)) == ((), None)
    assert tensor == expected


@pytest.mark.parametrize(
    ("shape", "before", "after", "wanted", "found", "rows"),
    [
        ([1, 2], "[?,2]", "[3,2]", (3, 2), [0, 1, 0, 1, 0, 1], (1, 3)),
        ([2, 2], "[?,2]", "[3,2]", (3, 2), [0, 1, 2, 3, 0, 1], (2, 3)),
        ([3, 2], "[?,2]", "[1,2]", (1, 2), [0, 1], (3, 1)),
        ([1, 4], "[?,4]", "[2,2,2]", (2, 2, 2), [0, 1, 2, 3] * 2, (1, 2)),
        ([2, 2], "[?,2]", "[6]", (6,), [0, 1, 2, 3, 0, 1], (2, 3)),
        ([2, 2], "[?,?]", "[?,3]", (2, 3), [0, 1, 0, 2, 3, 2], None),
        ([3, 2], "[?,?]", "[2,1]", (2, 1), [0, 2], (3, 2)),
        ([2], "<unknown>", "[?,3]", (1, 3), [0, 1, 0], None),
        ([2], "<unknown>", "[]", (), [0], None),
        ([2, 2], "[?,2]", "[0,2]", (0, 2), [], (2, 0)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_rows_are_repeated_or_left_out(
    shape: list[int],
    before: str,
    after: str,
    wanted: tuple[int, ...],
    found: list[int],
    rows: tuple[int, int] | None,
    packed: bool,
) -> None:
    tensor = sent(6, *shape, packed=packed)
    notes, changed = adapt(tensor, of(before), of(after))
    assert (sizes(tensor), elements(tensor)) == (wanted, found)
    assert changed == rows
    assert len(notes) == 1


def test_note_on_rows() -> None:
    assert adapt(sent(4, 2, 2), of("[?,2]"), of("[3,2]")).notes == (
        "[2,2] is repeated or cropped to [3,2]",
    )


def test_what_is_stored_once_stays_so() -> None:
    tensor = sent(1, 1, 10**12)
    adapt(tensor, of("[?,?]"), of("[8,?]", "float32"))
    assert (sizes(tensor), elements(tensor)) == ((8, 10**12), [0.0])
    assert len(tensor.SerializeToString()) < 50


def test_what_is_stored_less_often_is_repeated() -> None:
    tensor = sent(2, 1, 3)
    adapt(tensor, of("[?,3]"), of("[2,3]"))
    assert elements(tensor) == [0, 1, 1, 0, 1, 1]


def test_dtype() -> None:
    tensor = sent(3, 1, 3)
    assert adapt(tensor, of("[?,3]"), of("[?,3,1]", "float16")) == ((), None)
    assert (tensor.dtype, elements(tensor)) == (dtype_of("float16"), [0.0, 1.0, 2.0])
    assert not tensor.int_val


def test_value_of_another_dtype_than_the_signature_said() -> None:
    tensor = sent(3, 1, 3, dtype="float64")
    adapt(tensor, of("[?,3]"), of("[?,3]", "string"))
    assert elements(tensor) == [b"0.0", b"1.0", b"2.0"]
    already = sent(3, 1, 3)
    adapt(already, of("[?,3]", "float32"), of("[?,3]", "int32"))
    assert already == sent(3, 1, 3)


def test_nearest_values() -> None:
    tensor = sent(3, 1, 3)
    assert adapt(tensor, of("[?,3]"), of("[?,3]", "bool")).notes == (
        "bool has not all of the values; the nearest go in",
    )
    assert elements(tensor) == [False, True, True]


def test_nothing_to_repeat() -> None:
    with pytest.raises(ValueError, match=r"\[0,3\] has nothing that could be repeated"):
        adapt(sent(0, 0, 3), of("[?,3]"), of("[2,3]"))


@pytest.mark.parametrize("dtype", ["int32", "string"])
def test_what_would_be_too_large_is_refused(dtype: str) -> None:
    tensor = protos.TensorProto(dtype=dtype_of(dtype), tensor_shape=shape_proto((1, 3)))
    set_elements(tensor, [b"a" * 8, b"b" * 8, b""] if dtype == "string" else [0, 1, 2])
    with pytest.raises(ValueError, match=r"would take [\d,]+ bytes; the limit is 67,108,864"):
        adapt(tensor, of("[?,3]", dtype), of("[10000000,3]", dtype))
    assert sizes(tensor) == (1, 3)


def test_what_is_said_to_be_large_and_is_to_be_cropped_is_refused_too() -> None:
    with pytest.raises(ValueError, match="the limit is 67,108,864"):
        adapt(sent(2, 1, 10**12), of("[?,?]"), of("[?,3]"))


def test_rows_of_an_image_are_repeated_as_often_as_servers_batch() -> None:
    tensor = sent(224 * 224 * 3, 1, 224 * 224 * 3)
    adapt(tensor, of("[?,150528]"), of("[32,150528]"))
    assert sizes(tensor) == (32, 150528)


def test_same_type_is_left_alone() -> None:
    tensor = protos.TensorProto(dtype=dtype_of("resource"))
    tensor.tensor_shape.unknown_rank = True
    assert adapt(tensor, of("[]"), of("[]")) == ((), None)
