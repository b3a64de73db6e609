from __future__ import annotations

from sigpb import protos
from sigpb.saved_model.concrete_functions import (
    ConcreteFunction,
    NamedTensor,
    concrete_functions,
    functions_at,
)
from sigpb.saved_model.model import open_model
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.patches import ModelFactory

FLOATS = TensorType(dtype_of("float32"), (1,))


def objects_of(model: ModelFactory) -> ObjectGraph:
    with open_model(model("tf2_functions")) as opened:
        objects = opened.meta_graphs[0].object_graph
        assert objects is not None
        return objects


def by_path(functions: list[ConcreteFunction]) -> dict[str, list[ConcreteFunction]]:
    found: dict[str, list[ConcreteFunction]] = {}
    for each in functions:
        found.setdefault(each.path, []).append(each)
    return found


def test_functions_that_users_attached(fixture_model: ModelFactory) -> None:
    """The functions that make, fill and destroy the table are not among them."""
    found = by_path(concrete_functions(objects_of(fixture_model)))
    assert {path: len(each) for path, each in found.items()} == {
        "lines": 1,
        "partly": 1,
        "predict": 1,
        "total": 1,
        "net.call": 2,
    }


def test_arguments_and_results(fixture_model: ModelFactory) -> None:
    """Arguments by their specs' names, nested ones by names that TensorFlow joins."""
    found = by_path(concrete_functions(objects_of(fixture_model)))
    [predict] = found["predict"]
    assert [key for key, _ in predict.arguments] == ["zz", "words"]
    assert [key for key, _ in predict.results] == ["a", "m", "z"]
    assert predict.arguments[0].type == TensorType(dtype_of("float32"), (None, 2))
    assert predict.way == ("predict",)
    trained, served = found["net.call"]
    assert trained.arguments == (NamedTensor("b", FLOATS), NamedTensor("a_q", FLOATS))
    assert trained.results == (NamedTensor("output_0", FLOATS), NamedTensor("output_1", FLOATS))
    assert [(each.number, each.fixed) for each in (trained, served)] == [
        (0, ("training=True",)),
        (1, ("training=False",)),
    ]


def test_why_some_cannot_be_signatures(fixture_model: ModelFactory) -> None:
    found = by_path(concrete_functions(objects_of(fixture_model)))
    assert {path: each[0].problem for path, each in found.items() if each[0].problem} == {
        "total": "its argument 'rows' is no tensor, but a SparseTensorSpec",
        "partly": "its result 'nothing' is None",
    }


def test_paths(fixture_model: ModelFactory) -> None:
    objects = objects_of(fixture_model)
    [first, second] = functions_at(objects, "net.call")
    assert functions_at(objects, first.full_path) == [first]
    assert functions_at(objects, second.full_path) == [second]
    assert functions_at(objects, f"net.{first.name}") == []
    assert functions_at(objects, "net") == []
    assert functions_at(objects, "net.calls") == []
    assert functions_at(objects, "predict.nothing") == []


def function_with(
    arguments: list[str], keywords: list[str], result: protos.StructuredValue
) -> ConcreteFunction:
    """A bare concrete function that is a child of the root."""
    proto = protos.SavedObjectGraph()
    proto.nodes.add().children.add(local_name="f", node_id=1)
    bare = proto.nodes.add().bare_concrete_function
    bare.concrete_function_name = "__inference_f_1"
    bare.argument_keywords.extend(keywords)
    concrete = proto.concrete_functions["__inference_f_1"]
    taken = concrete.canonicalized_input_signature.tuple_value.values.add().tuple_value
    for name in arguments:
        taken.values.add().tensor_spec_value.name = name
    concrete.output_signature.CopyFrom(result)
    [found] = concrete_functions(ObjectGraph(proto))
    return found


def spec(dtype: str) -> protos.StructuredValue:
    value = protos.StructuredValue()
    value.tensor_spec_value.dtype = dtype_of(dtype)
    return value


def test_other_problems() -> None:
    empty = protos.StructuredValue()
    empty.tuple_value.SetInParent()
    nested = protos.StructuredValue()
    nested.dict_value.fields["a"].tuple_value.values.add().CopyFrom(spec("int64"))
    assert function_with(["x"], ["x"], spec("int64")).problem == ""
    assert "takes 2 tensors, and names 1" in function_with(["x", "y"], ["x"], spec("bool")).problem
    assert "'output_0' is a resource" in function_with([], [], spec("resource")).problem
    assert "returns nothing" in function_with([], [], empty).problem
    assert "'output_0' is None" in function_with([], [], protos.StructuredValue()).problem
    assert "'a' is no tensor, but a structure" in function_with([], [], nested).problem


def test_many_ways_of_one_name() -> None:
    """Each place is looked at once for each rest of a path, however many ways lead there."""
    proto = protos.SavedObjectGraph()
    for number in range(40):
        node = proto.nodes.add()
        for _ in range(2):
            node.children.add(local_name="a", node_id=number + 1)
    proto.nodes.add().function.concrete_functions.append("f")
    proto.concrete_functions["f"].output_signature.CopyFrom(spec("bool"))
    [found] = functions_at(ObjectGraph(proto), ".".join("a" * 40))
    assert found.way == tuple("a" * 40)


def test_names_with_dots_and_circles() -> None:
    proto = protos.SavedObjectGraph()
    root, layer, function, other = (proto.nodes.add() for _ in range(4))
    root.children.add(local_name="a.b", node_id=1)
    root.children.add(local_name="a", node_id=3)
    root.children.add(local_name="far", node_id=9)
    layer.children.add(local_name="call", node_id=2)
    layer.children.add(local_name="root", node_id=0)
    other.children.add(local_name="b", node_id=1)
    function.function.concrete_functions.append("__inference_call_1")
    arguments = proto.concrete_functions["__inference_call_1"].canonicalized_input_signature
    positional = arguments.tuple_value.values.add().tuple_value
    for name in ("x", "x", "", "x"):
        positional.values.add().tensor_spec_value.name = name
    returned = proto.concrete_functions["__inference_call_1"].output_signature.named_tuple_value
    returned.values.add(key="second").value.bounded_tensor_spec_value.dtype = dtype_of("int64")
    returned.values.add(key="first").value.tensor_spec_value.dtype = dtype_of("bool")
    objects = ObjectGraph(proto)
    for path in ("a.b.call", "a.b.root.a.b.call", "a.b.root.a.b.call.__inference_call_1"):
        [found] = functions_at(objects, path)
        assert found.name == "__inference_call_1"
        assert found.path == path.removesuffix(".__inference_call_1")
    [found] = concrete_functions(objects)
    assert [key for key, _ in found.arguments] == ["x", "x_1", "tensor_arg", "x_2"]
    assert [key for key, _ in found.results] == ["second", "first"]
    assert functions_at(objects, "far.call") == []
