from __future__ import annotations

import inspect
import keyword

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sigpb.tf.endpoint_keys import are_adapted, argument_name, is_callable, is_exportable

KEYS = st.text(min_size=1, max_size=6) | st.text(st.sampled_from("aZ_0./:- ²é語"), min_size=1)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("x", "x"),
        ("input_1", "input_1"),
        ("a b", "a_b"),
        ("peptides_in:0", "peptides_in_0"),
        ("features/x", "features_x"),
        ("0", "arg_0"),
        ("0/x", "arg_0_x"),
        ("_x", "arg__x"),
        ("größe", "größe"),
        ("語", "語"),
        ("", "arg_"),
    ],
)
def test_argument_name(key: str, name: str) -> None:
    assert argument_name(key) == name


def test_argument_names_are_written_since_2_12() -> None:
    assert [are_adapted(release) for release in ((1, 15), (2, 11), (2, 12), None)] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.tensorflow
def test_argument_name_is_that_of_tensorflow() -> None:
    from tensorflow.core.function.polymorphism.function_type import sanitize_arg_name

    @given(KEYS)
    @settings(max_examples=2000, deadline=None)
    def check(key: str) -> None:
        assert argument_name(key) == sanitize_arg_name(key)

    check()


@pytest.mark.parametrize("key", ["x", "a b", "0", "語", "match", "print", "selfie", "0self"])
def test_is_callable(key: str) -> None:
    assert is_callable(key)


@pytest.mark.parametrize("key", ["self", "if", "None", "lambda", "²", "x²", "½"])
def test_is_not_callable(key: str) -> None:
    assert not is_callable(key)


@given(KEYS | st.sampled_from(keyword.kwlist))
@example("x²")
def test_is_callable_if_python_takes_the_argument_name(key: str) -> None:
    # A TF2 signature is called through a Python function whose parameters have these names.
    try:
        inspect.Parameter(argument_name(key), inspect.Parameter.KEYWORD_ONLY)
    except ValueError:
        assert not is_callable(key)
    else:
        # Python 3.10 lets a parameter have the name of a keyword; newer versions do not.
        name = argument_name(key)
        assert is_callable(key) or name == "self" or keyword.iskeyword(name)


@pytest.mark.parametrize("key", ["x", "X.1", ".x", "0", "a/b", "a-b", "a>b", "a\\b", "a_"])
def test_is_exportable(key: str) -> None:
    assert is_exportable(key)


@pytest.mark.parametrize("key", ["", "_x", "/x", "-x", "a b", "a:0", "é", "a\n", "a="])
def test_is_not_exportable(key: str) -> None:
    assert not is_exportable(key)


@pytest.mark.tensorflow
def test_is_exportable_if_tensorflow_takes_a_node_of_that_name() -> None:
    import tensorflow as tf

    @given(KEYS)
    @settings(max_examples=500, deadline=None)
    def check(key: str) -> None:
        with tf.Graph().as_default():
            try:
                tf.compat.v1.placeholder(tf.float32, name=key)
            except ValueError:
                assert not is_exportable(key)
            else:
                assert is_exportable(key)

    check()
