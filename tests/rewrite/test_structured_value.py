from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from sigpb import protos
from sigpb.rewrite.structured_value import change_arguments, change_parameters, change_results
from sigpb.tf.tensor_types import TensorType, dtype_of

FLOAT, INT64 = dtype_of("float32"), dtype_of("int64")


def spec(name: str, dtype: int = 0, *sizes: int) -> protos.StructuredValue:
    made = protos.StructuredValue(tensor_spec_value=protos.TensorSpecProto(name=name))
    if dtype:
        made.tensor_spec_value.dtype = dtype
        made.tensor_spec_value.shape.SetInParent()
        for size in sizes:
            made.tensor_spec_value.shape.dim.add(size=size)
    return made


def sparse(dtype: int) -> protos.StructuredValue:
    """The spec of a sparse tensor, whose shape is that of the dense one."""
    made = protos.StructuredValue()
    parts = made.type_spec_value.type_state.tuple_value.values
    parts.add().tensor_shape_value.dim.add(size=7)
    parts.add().tensor_dtype_value = dtype
    return made


def ragged() -> protos.StructuredValue:
    return protos.StructuredValue(type_spec_value=protos.TypeSpecProto(num_flat_components=2))


def dictionary(fields: Mapping[str, protos.StructuredValue]) -> protos.StructuredValue:
    return protos.StructuredValue(dict_value=protos.DictValue(fields=fields))


def strings(*texts: str) -> protos.StructuredValue:
    values = [protos.StructuredValue(string_value=text) for text in texts]
    return protos.StructuredValue(list_value=protos.ListValue(values=values))


def arguments(specs: Mapping[str, str]) -> protos.StructuredValue:
    """The signature of a call without positional arguments: spec names by argument name."""
    values = [
        protos.StructuredValue(tuple_value=protos.TupleValue()),
        dictionary({argument: spec(name) for argument, name in specs.items()}),
    ]
    return protos.StructuredValue(tuple_value=protos.TupleValue(values=values))


def fullargspec(**fields: protos.StructuredValue) -> protos.StructuredValue:
    pairs = [protos.PairValue(key=key, value=value) for key, value in fields.items()]
    return protos.StructuredValue(
        named_tuple_value=protos.NamedTupleValue(name="FullArgSpec", values=pairs)
    )


def kept(keys: Iterable[str]) -> dict[str, str]:
    return {key: key for key in keys}


class TestArguments:
    @pytest.mark.parametrize(
        ("before", "keys", "after"),
        [
            ({"x": "x", "b": "b"}, {"x": "a", "b": "b"}, {"a": "a", "b": "b"}),
            ({"x": "x", "b": "b"}, {"x": "b", "b": "x"}, {"b": "b", "x": "x"}),
            ({"x": "x"}, {"x": "in:0"}, {"in_0": "in:0"}),
            ({"x": "x"}, {"x": "0"}, {"arg_0": "0"}),
            ({"in_0": "in:0"}, {"in:0": "x"}, {"x": "x"}),
            ({"in:0": "in:0"}, {"in:0": "x"}, {"x": "x"}),
            ({"in:0": "in:0", "a": "a"}, {"in:0": "in:0", "a": "b"}, {"in:0": "in:0", "b": "b"}),
            ({"in:0": "in:0", "a": "a"}, {"in:0": "in:1", "a": "0"}, {"in:1": "in:1", "0": "0"}),
            ({"x": ""}, {"x": "a"}, {"a": ""}),
        ],
        ids=[
            "one of two",
            "swap",
            "to a key that is adapted",
            "to a digit",
            "from an adapted key",
            "from a raw key",
            "a raw key beside",
            "to keys that are spelled like a raw one",
            "a spec without a name",
        ],
    )
    def test_keys_and_names(
        self, before: dict[str, str], keys: dict[str, str], after: dict[str, str]
    ) -> None:
        signature = arguments(before)
        change_arguments(signature, keys)
        assert signature == arguments(after)

    @pytest.mark.parametrize("adapted", [True, False])
    def test_what_is_there_tells_more_than_the_version(self, adapted: bool) -> None:
        raw, given = arguments({"in:0": "in:0"}), arguments({"in_0": "in:0"})
        for signature in (raw, given):
            change_arguments(signature, {"in:0": "in:1"}, adapted=adapted)
        assert raw == arguments({"in:1": "in:1"})
        assert given == arguments({"in_1": "in:1"})

    @pytest.mark.parametrize("adapted", [True, False])
    @pytest.mark.parametrize("name", ["in:0", "in_0"])
    def test_a_key_that_stays_keeps_its_spelling(self, name: str, adapted: bool) -> None:
        signature = arguments({name: "in:0", "b": "b"})
        change_arguments(signature, {"in:0": "in:0", "b": "c"}, adapted=adapted)
        assert signature == arguments({name: "in:0", "c": "c"})

    def test_both_spellings_beside_each_other_stay(self) -> None:
        signature = arguments({"in:0": "in:0", "b_c": "b:c", "x": "x"})
        change_arguments(signature, {**kept(["in:0", "b:c"]), "x": "y"})
        assert signature == arguments({"in:0": "in:0", "b_c": "b:c", "y": "y"})

    def test_the_version_tells_if_nothing_else_does(self) -> None:
        signature = arguments({"x": "x"})
        change_arguments(signature, {"x": "in:0"}, adapted=False)
        assert signature == arguments({"in:0": "in:0"})

    def test_values_stay_with_their_key(self) -> None:
        signature = arguments({"x": "x", "b": "b"})
        fields = signature.tuple_value.values[1].dict_value.fields
        fields["x"].tensor_spec_value.dtype = 1
        fields["b"].tensor_spec_value.dtype = 3
        change_arguments(signature, {"x": "b", "b": "x"})
        assert (fields["b"].tensor_spec_value.dtype, fields["x"].tensor_spec_value.dtype) == (1, 3)

    @pytest.mark.parametrize("name", ["in_0", "in:0"])
    def test_types_go_by_the_old_key(self, name: str) -> None:
        signature = arguments({name: "in:0", "b": "b"})
        change_arguments(signature, {"in:0": "b", "b": "c"}, {"in:0": TensorType(INT64, (None, 4))})
        fields = signature.tuple_value.values[1].dict_value.fields
        assert dict(fields) == {"b": spec("b", INT64, -1, 4), "c": spec("c")}

    def test_an_unknown_rank(self) -> None:
        signature = arguments({"x": "x"})
        change_arguments(signature, {"x": "x"}, {"x": TensorType(INT64, None)})
        (value,) = signature.tuple_value.values[1].dict_value.fields.values()
        assert value.tensor_spec_value.shape.unknown_rank

    def test_one_goes_and_another_takes_its_key(self) -> None:
        signature = arguments({"x": "x", "b": "b"})
        change_arguments(signature, {"x": None, "b": "x"})
        assert signature == arguments({"x": "x"})

    def test_positional_arguments_stay(self) -> None:
        signature = arguments({"x": "x"})
        signature.tuple_value.values[0].tuple_value.values.append(spec("x"))
        before = protos.StructuredValue()
        before.CopyFrom(signature.tuple_value.values[0])
        change_arguments(signature, {"x": "a"})
        assert signature.tuple_value.values[0] == before


class TestResults:
    def test_keys_and_names(self) -> None:
        signature = dictionary({"p": spec("p"), "s": spec("s"), "r": ragged()})
        change_results(signature, {"p": "s", "s": "in:0", "r": "q"})
        assert signature == dictionary({"s": spec("s"), "in:0": spec("in:0"), "q": ragged()})

    def test_one_goes_and_another_takes_its_key(self) -> None:
        signature = dictionary({"p": spec("p"), "s": spec("s")})
        change_results(signature, {"p": None, "s": "p"})
        assert signature == dictionary({"p": spec("p")})

    def test_types_go_by_the_old_key(self) -> None:
        signature = dictionary({"p": spec("p", FLOAT, 3), "s": spec("s", FLOAT, 3)})
        change_results(signature, {"p": "s", "s": "p"}, {"p": TensorType(INT64, (None, 4))})
        assert signature == dictionary({"s": spec("s", INT64, -1, 4), "p": spec("p", FLOAT, 3)})

    def test_only_the_dtype_of_a_sparse_one_is_its_own(self) -> None:
        signature = dictionary({"p": sparse(FLOAT)})
        change_results(signature, {"p": "p"}, {"p": TensorType(INT64, (None,))})
        assert signature == dictionary({"p": sparse(INT64)})

    def test_added_ones(self) -> None:
        signature = dictionary({"p": spec("p")})
        change_results(
            signature, {"p": None}, added={"p": TensorType(INT64, (2,)), "q": TensorType(FLOAT, ())}
        )
        assert signature == dictionary({"p": spec("p", INT64, 2), "q": spec("q", FLOAT)})


class TestParameters:
    def test_names(self) -> None:
        parameters = fullargspec(
            args=strings("x"),
            varargs=protos.StructuredValue(none_value=protos.NoneValue()),
            kwonlyargs=strings("b", "in_0"),
            kwonlydefaults=dictionary({"b": spec("default of b"), "in_0": spec("x")}),
            annotations=dictionary({}),
        )
        change_parameters(parameters, {"x": "b", "b": "0", "in:0": "x"})
        assert parameters == fullargspec(
            args=strings("b"),
            varargs=protos.StructuredValue(none_value=protos.NoneValue()),
            kwonlyargs=strings("arg_0", "x"),
            kwonlydefaults=dictionary({"arg_0": spec("default of b"), "x": spec("x")}),
            annotations=dictionary({}),
        )

    def test_one_goes(self) -> None:
        parameters = fullargspec(
            args=strings("x"),
            kwonlyargs=strings("b", "x"),
            kwonlydefaults=dictionary({"b": spec("b"), "x": spec("x")}),
        )
        change_parameters(parameters, {"x": None, "b": "c"})
        assert parameters == fullargspec(
            args=strings(),
            kwonlyargs=strings("c"),
            kwonlydefaults=dictionary({"c": spec("b")}),
        )

    def test_raw_names_of_older_versions(self) -> None:
        parameters = fullargspec(kwonlyargs=strings("in:0", "b"))
        change_parameters(parameters, {"in:0": "x", **kept("b")})
        assert parameters == fullargspec(kwonlyargs=strings("x", "b"))

    def test_raw_names_stay_and_are_what_new_names_are_like(self) -> None:
        parameters = fullargspec(kwonlyargs=strings("in:0", "b"))
        change_parameters(parameters, {"in:0": "in:0", "b": "c:0"})
        assert parameters == fullargspec(kwonlyargs=strings("in:0", "c:0"))

    def test_the_version_tells_if_nothing_else_does(self) -> None:
        parameters = fullargspec(kwonlyargs=strings("b"))
        change_parameters(parameters, {"b": "c:0"}, adapted=False)
        assert parameters == fullargspec(kwonlyargs=strings("c:0"))

    def test_none_as_in_old_files(self) -> None:
        parameters = protos.StructuredValue()
        change_parameters(parameters, {"x": "a"})
        assert parameters == protos.StructuredValue()
