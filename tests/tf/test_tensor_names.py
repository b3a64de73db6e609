from __future__ import annotations

import pytest

from sigpb.graphs.added_nodes import original_names
from sigpb.tf.tensor_names import canonical, is_tensor, node_name, output_number, producer


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("x", "x"),
        ("x:0", "x"),
        ("x:1", "x:1"),
        ("x:10", "x:10"),
        ("x:00", "x:00"),
        ("a/b.c-d:0", "a/b.c-d"),
        ("^x", "^x"),
    ],
)
def test_canonical(tensor: str, expected: str) -> None:
    assert canonical(tensor) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("tensor", ["a/x", "a/x:0", "a/x:12", "^a/x", "a/x:output:1"])
def test_producer(tensor: str) -> None:
    assert producer(tensor) == "a/x"


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("x", 0),
        ("x:0", 0),
        ("x:12", 12),
        ("x12", 0),
        ("call:output:3", 3),
        ("^x", 0),
        ("x:", 0),
        ("x:²", 0),
    ],
)
def test_output_number(tensor: str, expected: int) -> None:
    assert output_number(tensor) == expected


@pytest.mark.parametrize("tensor", ["x", "x:0", "x:12", "a/x"])
def test_is_tensor(tensor: str) -> None:
    assert is_tensor(tensor)


@pytest.mark.parametrize("text", ["", ":", ":0", "x:", "x:²", "x:y", "x:00", "x:0:0", "x:-1", "^x"])
def test_is_no_tensor(text: str) -> None:
    assert not is_tensor(text)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("sigpb", "serving_default"), "sigpb/serving_default"),
        (("sigpb", "a b:c"), "sigpb/a_b_c"),
        (("bild größe",), "bild_gr__e"),
        (("a.b-c>d_1",), "a.b-c>d_1"),
    ],
)
def test_node_name(parts: tuple[str, ...], expected: str) -> None:
    assert node_name(*parts) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigpb/classify/copy/a/x", ["a/x"]),
        ("sigpb/classify/copy_1/x", ["x"]),
        ("sigpb/copy/Cast", []),
        ("sigpb/copy/copy/x", ["x"]),
        ("sigpb/a/copy/copy/x", ["copy/x", "x"]),
        ("sigpb/classify/copied/x", []),
        ("a/copy/x", []),
    ],
)
def test_nodes_that_a_node_may_be_a_copy_of(name: str, expected: list[str]) -> None:
    assert original_names(name) == expected
