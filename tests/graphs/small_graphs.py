"""Small graphs as text: ``y = Add(x, b, ^start)``, one node to a line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.protobuf import text_format

from sigpb import protos

_LINE = re.compile(r"(?P<name>\S+) = (?P<op>\w+)\((?P<inputs>[^)]*)\)(?: (?P<rest>.+))?")


def nodes(text: str) -> list[protos.NodeDef]:
    """Reads nodes.

    Args:
        text: For each node a line such as ``y = Add(x, b)``, after which there may be attributes,
            in the text format of a NodeDef.
    """
    read = []
    for line in filter(None, map(str.strip, text.splitlines())):
        parts = _LINE.fullmatch(line)
        assert parts, line
        node = protos.NodeDef(name=parts["name"], op=parts["op"])
        node.input.extend(filter(None, parts["inputs"].replace(" ", "").split(",")))
        text_format.Merge(parts["rest"] or "", node)
        read.append(node)
    return read


def by_name(text: str) -> dict[str, protos.NodeDef]:
    return {node.name: node for node in nodes(text)}


def graph_def(text: str, producer: int = 1000) -> protos.GraphDef:
    return protos.GraphDef(node=nodes(text), versions=protos.VersionDef(producer=producer))


def lines(nodes: Iterable[protos.NodeDef]) -> list[str]:
    """Writes nodes as `nodes` reads them, without attributes."""
    return [f"{node.name} = {node.op}({', '.join(node.input)})" for node in nodes]


def attr(name: str, value: str) -> str:
    """Returns the text of an attribute, such as ``attr("T", "type: DT_FLOAT")``."""
    return f'attr {{ key: "{name}" value {{ {value} }} }}'


def shape(*sizes: int) -> str:
    """Returns the text of a TensorShapeProto; -1 for an unknown size."""
    return " ".join(f"dim {{ size: {size} }}" for size in sizes)


def output_shapes(*shapes: tuple[int, ...]) -> str:
    """Returns the text of the attribute in which a node states the shapes of its outputs."""
    stated = " ".join(f"shape {{ {shape(*sizes)} }}" for sizes in shapes)
    return attr("_output_shapes", f"list {{ {stated} }}")


def call(function: str, *results: str) -> str:
    """Returns the text of the attributes of a call, given the dtypes of its results."""
    types = " ".join(f"type: {dtype}" for dtype in results)
    return f"{attr('f', f'func {{ name: {function!r} }}')} {attr('Tout', f'list {{ {types} }}')}"


FLOAT = attr("T", "type: DT_FLOAT")


def placeholder(*sizes: int, dtype: str = "DT_FLOAT") -> str:
    """Returns the text of a Placeholder's attributes."""
    return attr("dtype", f"type: {dtype}") + " " + attr("shape", f"shape {{ {shape(*sizes)} }}")


class Known:
    """The functions that a model has."""

    def __init__(self, *functions: protos.FunctionDef, variants: bool = False) -> None:
        self.variants = variants
        self.functions = {function.signature.name: function for function in functions}

    def get(self, name: str) -> protos.FunctionDef | None:
        return self.functions.get(name)

    def add_variant(self, function: protos.FunctionDef) -> str:
        assert self.variants, "nothing is to be added"
        name = f"{function.signature.name}_variant"
        self.functions[name] = function
        return name
