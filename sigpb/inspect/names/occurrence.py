"""Every text in a model that names something: what `sigpb grep` and `sigpb trace` look through.

Left out are the elements of tensors, documentation, the metadata of Keras, and debug information.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum
from typing import Literal, NamedTuple

from sigpb.inspect.proto_path import FieldPlace
from sigpb.tf.tensor_names import producer

_COLOCATED = "loc:@"

# Beyond this, looking for names in bytes takes longer than parsing what holds none of them.
_MOST_NAMES = 100


class Role(Enum):
    """The purpose of a text. The value is the name of the role in JSON.

    Attributes:
        what: The kind of thing it names, as in ``sigpb grep --what``.
    """

    what: str

    def __new__(cls, value: str, what: str) -> Role:
        """Makes a member of its value and `what`."""
        role = object.__new__(cls)
        role._value_ = value
        role.what = what
        return role

    # Enum hashes in Python, which a large graph would call a million times.
    __hash__ = object.__hash__

    NODE = "node", "node"
    OP = "op", "op"
    STRIPPED_OP = "stripped_op", "op"
    DEVICE = "device", "device"
    INPUT = "input", "tensor"
    CONTROL_INPUT = "control_input", "tensor"
    RETURN = "return", "tensor"
    CONTROL_RETURN = "control_return", "tensor"
    SAVER = "saver", "tensor"
    COLLECTION_TENSOR = "collection_tensor", "tensor"
    ENDPOINT_TENSOR = "endpoint_tensor", "tensor"
    ASSET_TENSOR = "asset_tensor", "tensor"
    CONSTANT = "constant", "tensor"
    CAPTURED_TENSOR = "captured_tensor", "tensor"
    ATTR = "attr", "attr"
    ATTR_STRING = "attr_string", "attr"
    ATTR_TYPE = "attr_type", "attr"
    COLOCATION = "colocation", "attr"
    FUNCTION = "function", "function"
    CALL = "call", "function"
    GRADIENT = "gradient", "function"
    ALIAS = "alias", "function"
    ALIASED_FUNCTION = "aliased_function", "function"
    CONCRETE_FUNCTION = "concrete_function", "function"
    ARGUMENT = "argument", "argument"
    RESULT = "result", "argument"
    TAG = "tag", "tag"
    COLLECTION = "collection", "collection"
    COLLECTION_TEXT = "collection_text", "collection"
    SIGNATURE = "signature", "signature"
    METHOD = "method", "signature"
    ENDPOINT = "endpoint", "endpoint"
    ASSET = "asset", "asset"
    CHILD = "child", "object"
    OBJECT = "object", "object"
    VARIABLE = "variable", "object"
    STRUCTURE = "structure", "object"


class Occurrence(NamedTuple):
    """A text that names something.

    Attributes:
        role: What it is there for.
        text: As it is stored; a dtype, which is stored as a number, by its name.
        place: Where.
        function: The function whose nodes and arguments the text speaks of; None for the top
            level of the graph.
    """

    role: Role
    text: str
    place: FieldPlace
    function: str | None = None


class Referent(NamedTuple):
    """What a text refers to, or what it is the definition of.

    Attributes:
        kind: ``node`` (or an argument of a function, which nodes spell like a node), ``function``.
        name: Its name.
        function: The function that a node is in; None for the top level.
    """

    kind: Literal["node", "function"]
    name: str
    function: str | None = None


_OF_NODES = {
    Role.INPUT,
    Role.CONTROL_INPUT,
    Role.RETURN,
    Role.CONTROL_RETURN,
    Role.SAVER,
    Role.COLLECTION_TENSOR,
    Role.ENDPOINT_TENSOR,
    Role.ASSET_TENSOR,
    Role.CONSTANT,
    Role.CAPTURED_TENSOR,
    Role.COLOCATION,
}

# A node whose op is the name of a function calls that function.
_OF_FUNCTIONS = {
    Role.CALL,
    Role.OP,
    Role.GRADIENT,
    Role.ALIASED_FUNCTION,
    Role.CONCRETE_FUNCTION,
}


def referent(occurrence: Occurrence) -> Referent | None:
    """Returns what a text refers to; None if it is a definition, or only a text."""
    if occurrence.role in _OF_NODES:
        return Referent("node", node_of(occurrence.text), occurrence.function)
    if occurrence.role in _OF_FUNCTIONS:
        return Referent("function", occurrence.text)
    return None


def definition(occurrence: Occurrence) -> Referent | None:
    """Returns the node or function that a text defines; None if it defines neither."""
    if occurrence.role in (Role.NODE, Role.ARGUMENT):
        return Referent("node", occurrence.text, occurrence.function)
    return Referent("function", occurrence.text) if occurrence.role is Role.FUNCTION else None


def node_of(text: str) -> str:
    """Returns the node that ``x``, ``x:1``, ``x:out:0``, ``^x`` or ``loc:@x`` refers to."""
    return producer(text.removeprefix(_COLOCATED))


def is_colocation(text: str) -> bool:
    """Whether an element of the attribute ``_class`` places a node beside another."""
    return text.startswith(_COLOCATED)


def mention(names: Collection[str]) -> re.Pattern[bytes] | None:
    """Returns a pattern that is found in the bytes of each node that one of some names is in.

    Returns:
        The pattern; None, which stands for all nodes, if there are too many names.
    """
    if len(names) > _MOST_NAMES:
        return None
    encoded = (name.encode(errors="surrogateescape") for name in sorted(names))
    return re.compile(b"|".join(map(re.escape, encoded)))
