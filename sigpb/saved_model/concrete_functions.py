"""The concrete functions of an object graph: what could be called by a signature.

A tf.function that was attached to an object has a concrete function for each way in which it was
traced. What was no tensor then, such as ``training=False``, is a part of the function.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sigpb import protos
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.tensor_types import TensorType, dtype_name, is_handle, shape_of

_ROOT = 0
_UNNAMED = "tensor_arg"  # tensorflow/python/eager/polymorphic_function/tracing_compilation.py
_SEPARATOR = "."


class NamedTensor(NamedTuple):
    """An argument or a result, by the key that an endpoint gets of it."""

    key: str
    type: TensorType


@dataclass(frozen=True)
class ConcreteFunction:
    """A concrete function that objects lead to.

    Attributes:
        way: The names of objects on the way to it from the root, its own last: ``model``, ``call``.
        number: Which of the concrete functions there it is.
        name: Its own name, also that of the function in the graph's library.
        arguments: The tensors it takes, in the order of the function's arguments.
        fixed: What was no tensor when it was traced, such as ``training=False``.
        results: The tensors it returns, in the order of the function's results.
        problem: Why it cannot be a signature, as a clause; empty if it can.
    """

    way: tuple[str, ...]
    number: int
    name: str
    arguments: tuple[NamedTensor, ...]
    fixed: tuple[str, ...]
    results: tuple[NamedTensor, ...]
    problem: str = ""

    @property
    def path(self) -> str:
        """The way, as patches spell it: ``model.call``."""
        return _SEPARATOR.join(self.way)

    @property
    def full_path(self) -> str:
        """What names it among all concrete functions of its path."""
        return f"{self.path}{_SEPARATOR}{self.name}"


def concrete_functions(objects: ObjectGraph) -> list[ConcreteFunction]:
    """Returns the concrete functions that users attached to objects, each by its shortest path.

    Those of signatures and those that make, fill and destroy resources are left out.
    """
    described = _Described(objects)
    found: list[ConcreteFunction] = []
    waiting, seen = [(_ROOT, tuple[str, ...]())], {_ROOT}
    for place, way in waiting:
        node = objects.proto.nodes[place]
        functions = described.at(node, way)
        found += functions
        if functions or node.HasField("resource") or place == objects.signature_map:
            continue
        for child in sorted(node.children, key=lambda child: child.local_name):
            if child.node_id not in seen and objects.has_node(child.node_id):
                seen.add(child.node_id)
                waiting.append((child.node_id, (*way, child.local_name)))
    return found


def functions_at(objects: ObjectGraph, path: str) -> list[ConcreteFunction]:
    """Returns the concrete functions that a path leads to, or the one that ends it by its name."""
    described = _Described(objects)
    found = {
        function.name: function
        for place, way, rest in _ends(objects, path)
        for function in described.at(objects.proto.nodes[place], way)
        if rest in ("", function.name)
    }
    return list(found.values())


def _ends(objects: ObjectGraph, path: str) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Yields the nodes that beginnings of a path lead to, how, and what is left of the path there.

    A name may hold the separator itself.
    """
    waiting, seen = [(_ROOT, tuple[str, ...](), path)], set[tuple[int, str]]()
    while waiting:
        place, way, rest = waiting.pop()
        if not objects.has_node(place) or (place, rest) in seen:
            continue
        seen.add((place, rest))
        yield place, way, rest
        for child in objects.proto.nodes[place].children:
            name, end = child.local_name, rest[len(child.local_name) :]
            leads_on = name and rest.startswith(name) and end[:1] in ("", _SEPARATOR)
            if leads_on and child.node_id != objects.signature_map:
                waiting.append((child.node_id, (*way, name), end[1:]))


class _Described:
    """Describes concrete functions, for which the whole object graph is gone through once."""

    def __init__(self, objects: ObjectGraph) -> None:
        bare = (node.bare_concrete_function for node in objects.proto.nodes)
        self._keywords = {each.concrete_function_name: [*each.argument_keywords] for each in bare}
        self._functions = objects.proto.concrete_functions

    def at(self, node: protos.SavedObject, way: tuple[str, ...]) -> list[ConcreteFunction]:
        """Returns the concrete functions that a node of the object graph is, by the way to it."""
        bare = node.bare_concrete_function.concrete_function_name
        names = node.function.concrete_functions or ([bare] if bare else [])
        known = ((number, name) for number, name in enumerate(names) if name in self._functions)
        return [self._described(node, way, number, name) for number, name in known]

    def _described(
        self, node: protos.SavedObject, way: tuple[str, ...], number: int, name: str
    ) -> ConcreteFunction:
        concrete = self._functions[name]
        problems: list[str] = []
        specs: list[protos.TensorSpecProto] = []
        fixed: list[str] = []
        names = _positional_names(node)
        for parameter, value in _parameters(concrete.canonicalized_input_signature, names):
            leaves = list(_leaves(value))
            found = [spec for leaf in leaves if (spec := _tensor_spec(leaf)) is not None]
            specs += found
            kind = next((kind for leaf in leaves if (kind := _composite(leaf))), None)
            if kind is not None:
                problems.append(f"its argument {parameter!r} is no tensor, but a {kind}")
            elif not found and not value.HasField("none_value"):
                fixed.append(f"{parameter}={_python_text(value)}")
        stated = [spec.name or _UNNAMED for spec in specs]
        keys = self._keywords.get(name) or _unique(stated)
        if len(keys) != len(specs):
            problems.append(f"it takes {len(specs)} tensors, and names {len(keys)}")
        arguments = tuple(
            NamedTensor(key, TensorType(spec.dtype, shape_of(spec.shape)))
            for key, spec in zip(keys, specs, strict=False)
        )
        results, problem = _results(concrete.output_signature)
        why = next(iter([*problems, problem]))
        return ConcreteFunction(way, number, name, arguments, tuple(fixed), results, why)


def _composite(value: protos.StructuredValue) -> str | None:
    """Returns what a value is that consists of several tensors, or is a variable; None if none."""
    has = value.HasField("type_spec_value")
    return (value.type_spec_value.type_spec_class_name or "structure") if has else None


def _parameters(
    signature: protos.StructuredValue, names: list[str]
) -> Iterator[tuple[str, protos.StructuredValue]]:
    """Yields what a function was traced with, in the order in which `tf.nest` flattens it."""
    positional, *keyword = signature.tuple_value.values or [protos.StructuredValue()]
    for number, value in enumerate(positional.tuple_value.values):
        yield names[number] if number < len(names) else f"argument {number}", value
    for each in keyword:
        yield from sorted(each.dict_value.fields.items())


def _positional_names(node: protos.SavedObject) -> list[str]:
    """Returns the Python names of a function's positional arguments, without ``self``."""
    spec = (
        node.function if node.HasField("function") else node.bare_concrete_function
    ).function_spec
    for pair in spec.fullargspec.named_tuple_value.values:
        if pair.key == "args":
            names = [value.string_value for value in pair.value.list_value.values]
            return names[1:] if spec.is_method or names[:1] == ["self"] else names
    return []


def _items(value: protos.StructuredValue) -> list[tuple[str, protos.StructuredValue]] | None:
    """Returns what is in a container, in the order in which `tf.nest` flattens it; None if none."""
    kind = value.WhichOneof("kind")
    if kind == "dict_value":
        return sorted(value.dict_value.fields.items())
    if kind == "named_tuple_value":
        return [(pair.key, pair.value) for pair in value.named_tuple_value.values]
    if kind in ("list_value", "tuple_value"):
        values = (value.list_value if kind == "list_value" else value.tuple_value).values
        return [(f"output_{number}", each) for number, each in enumerate(values)]
    return None


def _leaves(value: protos.StructuredValue) -> Iterator[protos.StructuredValue]:
    items = _items(value)
    if items is None:
        yield value
    for _, each in items or ():
        yield from _leaves(each)


def _tensor_spec(value: protos.StructuredValue) -> protos.TensorSpecProto | None:
    """Returns what a value says of a tensor; None if it is no tensor."""
    if value.HasField("bounded_tensor_spec_value"):
        bounded = value.bounded_tensor_spec_value
        return protos.TensorSpecProto(name=bounded.name, shape=bounded.shape, dtype=bounded.dtype)
    return value.tensor_spec_value if value.HasField("tensor_spec_value") else None


def _results(signature: protos.StructuredValue) -> tuple[tuple[NamedTensor, ...], str]:
    """Returns what a function returns, by the keys that TensorFlow's exporter gives to it.

    They are the keys of a dictionary, the names of a named tuple, or made of numbers
    (``_normalize_outputs`` in tensorflow/python/saved_model/signature_serialization.py).

    Returns:
        The tensors, and why some are none, as a clause.
    """
    items = _items(signature)
    results, problem = [], "" if items or items is None else "it returns nothing"
    for key, value in [("output_0", signature)] if items is None else items:
        spec = _tensor_spec(value)
        if spec is not None:
            results.append(NamedTensor(key, TensorType(spec.dtype, shape_of(spec.shape))))
        elif value.WhichOneof("kind") in (None, "none_value"):
            problem = problem or f"its result {key!r} is None"
        else:
            kind = _composite(value) or "structure"
            problem = problem or f"its result {key!r} is no tensor, but a {kind}"
    for each in results:
        if is_handle(each.type.dtype):
            problem = problem or f"its result {each.key!r} is a {dtype_name(each.type.dtype)}"
    return tuple(results), problem


def _unique(names: Iterable[str]) -> list[str]:
    """Returns names as TensorFlow makes them unique: with numbers from 1 on."""
    counts: dict[str, int] = defaultdict(lambda: 1)
    made: list[str] = []
    for name in names:
        proposal = name
        while proposal in made:
            proposal = f"{name}_{counts[name]}"
            counts[name] += 1
        made.append(proposal)
    return made


def _python_text(value: protos.StructuredValue) -> str:
    """Returns a value as Python spells it, as far as it is short."""
    kind = value.WhichOneof("kind") or "none_value"
    if kind == "none_value":
        return "None"
    if kind in ("bool_value", "int64_value", "float64_value", "string_value"):
        return repr(getattr(value, kind))
    if kind == "tensor_dtype_value":
        return dtype_name(value.tensor_dtype_value)
    return "…"
