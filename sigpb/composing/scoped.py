"""A part whose names are kept apart from those of any other model: it means what it did.

What is renamed: the nodes of the top level; functions; the names by which ops share what lives in a
session (``shared_name``); frames of loops; gradients that are registered; interfaces of functions;
and the keys of the checkpoint. Names that TensorFlow makes unique itself, such as those of
TensorArrays, stay (``tensor_array_counter`` in tensorflow/core/kernels/tensor_array.h), and so do
nodes in functions, unless they share something under their own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY
from sigpb.composing.part import Part
from sigpb.composing.saver_keys import (
    KeyedNode,
    keyed_nodes,
    set_keys,
    stored_keys,
    stored_objects,
)
from sigpb.composing.scoped_collections import scope_collections
from sigpb.composing.sharing import (
    ANONYMOUS,
    NAMED_AS_IT_SAYS,
    SHARED_NAME,
    SHARING,
    may_share,
    name_shared,
)
from sigpb.errors import PatchError
from sigpb.saved_model.model import parse
from sigpb.tf.control_flow import ENTER_OPS
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.tensor_elements import elements, set_elements
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import with_tensors
from sigpb.wire import Message

_NUMBER = re.compile(r"_([0-9]+)$")
_MADE_BY_TENSORFLOW = ("__inference_", "__forward_", "__backward_")

# Texts of functions that are names of other functions
# (tensorflow/python/eager/polymorphic_function/attributes.py).
_NAMING_FUNCTIONS = {"forward_function_name", "backward_function_name", "_original_func_name"}

# Names of gradients that are made for one process (``generate_name`` in custom_gradient.py).
_GRADIENT_TYPE = "_gradient_op_type"
_MADE_GRADIENT = re.compile(rb"(CustomGradient|(Stateful)?PartitionedCall)-[0-9]+")

# Functions of one interface are exchanged for each other, and converters recognise some interfaces
# by how they begin (tensorflow/compiler/mlir/lite/transforms/prepare_composite_functions_tf.cc).
_INTERFACES = ("api_implements", "experimental_api_implements")

# Its engines are looked up by the end of its name (kernels/trt_engine_op.cc in tf2tensorrt).
_TENSORRT = "TRTEngineOp"

_OF_OBJECTS = ("/.ATTRIBUTES/", "/.OPTIMIZER_SLOT/")


def scoped(part: Part, scope: str, number: int) -> Part:
    """Returns a part with other names, which computes what it did.

    Args:
        part: The part.
        scope: What nodes of the top level and names that are shared are to begin with, before a
            slash. It begins with a letter or digit, and no other part of a model has it.
        number: What the numbers at the ends of its functions' names begin with: such that no other
            function ends in the same or a higher one.

    Raises:
        PatchError: If the part has names that cannot be kept apart.
    """
    meta_graph = protos.MetaGraphDef()
    meta_graph.CopyFrom(part.meta_graph)
    keyed = keyed_nodes(meta_graph)
    if problems := [*_problems(meta_graph, keyed)]:
        raise PatchError(problems)
    names = _Names(scope, _function_names(meta_graph, number), _gradient_types(meta_graph))
    for constant in {id(each.constant): each.constant for each in keyed}.values():
        set_keys(constant, map(names.key, stored_keys(constant)))
    for each in keyed:
        _scope_stored_objects(each, names)
    renamed_nodes = _scope_library(meta_graph.graph_def.library, names)
    top = {node.name for node in meta_graph.graph_def.node}
    for node in meta_graph.graph_def.node:
        _scope_node(node, names)
    meta_graph.graph_def.ClearField("debug_info")  # Its traces are those of nodes and functions.
    _scope_metadata(meta_graph, names, top)
    if meta_graph.HasField("object_graph_def"):
        _scope_objects(meta_graph.object_graph_def, names, renamed_nodes)
    variables = {names.key(key): stored for key, stored in part.variables.items()}
    return replace(
        part,
        meta_graph=meta_graph,
        variables=variables,
        objects=_tracked(part.objects, names) if part.objects is not None else None,
    )


@dataclass(frozen=True)
class _Names:
    """What becomes of names.

    Attributes:
        scope: What names of nodes are to begin with.
        functions: The new names of functions.
        gradients: The names of gradients that change.
    """

    scope: str
    functions: Mapping[str, str]
    gradients: frozenset[bytes]

    def node(self, name: str) -> str:
        """Returns the name of a node, or the tensor of one, or what waits for one."""
        if not name:
            return name
        control = "^" if name.startswith("^") else ""
        return f"{control}{self.scope}/{name.removeprefix('^')}"

    def function(self, name: str) -> str:
        """Returns the name of a function; others as they are."""
        return self.functions.get(name, name)

    def shared(self, name: bytes) -> bytes:
        """Returns a name by which ops share something."""
        return self.scope.encode() + b"/" + name

    def ending(self, name: bytes) -> bytes:
        """Returns a name of which the beginning means something."""
        return name + b"_" + self.scope.encode()

    def key(self, key: str) -> str:
        """Returns a key of the checkpoint.

        A key of TensorFlow 2 is the way to an object from the root, which gets one step more; one
        of TensorFlow 1 is the name of a variable.
        """
        if key == OBJECTS_KEY:
            return key
        of_objects = any(each in key for each in _OF_OBJECTS)
        return f"{self.scope.replace('/', '_') if of_objects else self.scope}/{key}"


def _problems(meta_graph: protos.MetaGraphDef, keyed: Iterable[KeyedNode]) -> Iterator[str]:
    """Yields what has names that cannot be kept apart from those of other models."""
    library = meta_graph.graph_def.library
    in_functions = [node for function in library.function for node in function.node_def]
    if any(node.op == _TENSORRT for node in (*meta_graph.graph_def.node, *in_functions)):
        yield (
            "it has engines of TensorRT, which a process shares between all models by the last "
            "part of their nodes' names; compose the models before they are converted."
        )
    for node in in_functions:
        if node.op == NAMED_AS_IT_SAYS and not node.attr[SHARED_NAME].s:
            yield (
                f"the variable {node.name!r} in a function has no shared_name, so that "
                "tf.saved_model.load and sessions differ in what it shares its value with."
            )
    if savers := {each.registered_saver for each in meta_graph.object_graph_def.nodes} - {""}:
        yield (
            f"objects are saved by registered savers ({', '.join(sorted(savers))}), which name "
            "what they write themselves."
        )
    keys = {id(each.constant) for each in keyed}
    nodes = {id(each.node) for each in keyed}
    for body in {id(each.body): each.body for each in keyed}.values():
        constants = {each.constant.name for each in keyed if each.body is body}
        for node in body.nodes.values():
            if id(node) not in nodes | keys and constants & set(map(producer, node.input)):
                yield (
                    f"the node {node.name!r} takes keys of the checkpoint, so it cannot be "
                    "determined what they are besides."
                )


def _function_names(meta_graph: protos.MetaGraphDef, number: int) -> dict[str, str]:
    """Returns new names of functions, in the order of the numbers at the ends of the old ones.

    TensorFlow's fingerprint of an object graph goes through functions in that order, so it may not
    change (``RegularizeAndHashSavedObjectGraph`` in tensorflow/cc/saved_model/fingerprinting.cc).
    """
    stems = dict[str, tuple[int, str]]()
    for function in meta_graph.graph_def.library.function:
        name = function.signature.name
        match = _NUMBER.search(name)
        stems[name] = (int(match[1]) if match else -1, _NUMBER.sub("", name))
    ordered = sorted(stems.items(), key=lambda each: each[1][0])
    return {name: f"{stem}_{number + at}" for at, (name, (_, stem)) in enumerate(ordered)}


def _gradient_types(meta_graph: protos.MetaGraphDef) -> frozenset[bytes]:
    """Returns the names of gradients that mean nothing outside of the model.

    Others are those of gradients that a program registers under a name of its own choice.
    """
    library = meta_graph.graph_def.library
    nodes = [*meta_graph.graph_def.node]
    nodes += (node for function in library.function for node in function.node_def)
    used = {node.attr[_GRADIENT_TYPE].s for node in nodes if _GRADIENT_TYPE in node.attr}
    registered = {each.registered_op_type.encode() for each in library.registered_gradients}
    return frozenset(registered | {each for each in used if _MADE_GRADIENT.fullmatch(each)})


def _scope_node(node: protos.NodeDef, names: _Names) -> None:
    """Renames a node of the top level, and what it names."""
    node.name = names.node(node.name)
    for at, taken in enumerate(node.input):
        node.input[at] = names.node(taken)
    if "_class" in node.attr:
        located = node.attr["_class"].list.s
        for at, text in enumerate(located):
            if text.startswith(b"loc:@"):
                located[at] = b"loc:@" + names.node(text[5:].decode()).encode()
    if node.op in ENTER_OPS:
        node.attr["frame_name"].s = names.shared(node.attr["frame_name"].s)
    if node.op == NAMED_AS_IT_SAYS and not node.attr[SHARED_NAME].s:
        node.attr[SHARED_NAME].s = names.scope.encode()
    else:
        _scope_shared(node, names)
    _scope_called(node, names)


def _scope_shared(node: protos.NodeDef, names: _Names) -> None:
    for key in SHARING:
        if key in node.attr and node.attr[key].s not in (b"", ANONYMOUS):
            node.attr[key].s = names.shared(node.attr[key].s)


def _scope_called(node: protos.NodeDef, names: _Names) -> None:
    """Renames the functions and gradients that a node names."""
    node.op = names.function(node.op)
    _scope_attributes(node.attr, names)


def _scope_attributes(attributes: Mapping[str, protos.AttrValue], names: _Names) -> None:
    for key, value in attributes.items():
        kind = value.WhichOneof("value")
        if kind == "s":
            value.s = _text(key, value.s, names)
        elif kind == "func":
            value.func.name = names.function(value.func.name)
            _scope_attributes(value.func.attr, names)
        elif kind == "list":
            for at, text in enumerate(value.list.s):
                value.list.s[at] = _text(key, text, names)
            for function in value.list.func:
                function.name = names.function(function.name)
                _scope_attributes(function.attr, names)


def _text(key: str, text: bytes, names: _Names) -> bytes:
    """Returns the text of an attribute, with the name of a function or gradient renamed."""
    if key == _GRADIENT_TYPE and text in names.gradients:
        return names.ending(text)
    if key in _INTERFACES and text:
        return names.ending(text)
    try:
        name = text.decode()
    except UnicodeDecodeError:
        return text
    if key in _NAMING_FUNCTIONS or name.startswith(_MADE_BY_TENSORFLOW):
        return names.function(name).encode()
    return text


def _scope_library(library: protos.FunctionDefLibrary, names: _Names) -> dict[str, dict[str, str]]:
    """Renames functions, and what they name.

    Returns:
        The nodes that have other names, by the old names of the functions they are in.
    """
    renamed = dict[str, dict[str, str]]()
    for function in library.function:
        name = function.signature.name
        if nodes := _nodes_that_share(function, names):
            renamed[name] = nodes
            _rename_nodes(function, nodes)
        for node in function.node_def:
            _scope_shared(node, names)
            _scope_called(node, names)
        function.signature.name = names.function(name)
        _scope_attributes(function.attr, names)
        for argument in function.arg_attr.values():
            _scope_attributes(argument.attr, names)
    for gradient in library.gradient:
        gradient.function_name = names.function(gradient.function_name)
        gradient.gradient_func = names.function(gradient.gradient_func)
    for registered in library.registered_gradients:
        registered.gradient_func = names.function(registered.gradient_func)
        op_type = registered.registered_op_type.encode()
        registered.registered_op_type = names.ending(op_type).decode()
    return renamed


def _nodes_that_share(function: protos.FunctionDef, names: _Names) -> dict[str, str]:
    """Returns new names of the nodes that may share something under their own names.

    A name that is written out would be shared by all calls, while the calls of a function that is
    inlined have names of their own.
    """
    arguments = (argument.name for argument in function.signature.input_arg)
    taken = TakenNames([*arguments, *(node.name for node in function.node_def)])
    return {
        node.name: taken.take(names.node(node.name))
        for node in function.node_def
        if node.op not in names.functions
        and may_share(node.op) is not False  # Of an op that is not known, any may.
        and not name_shared(node)
    }


def _rename_nodes(function: protos.FunctionDef, renamed: Mapping[str, str]) -> None:
    for node in function.node_def:
        node.name = renamed.get(node.name, node.name)
        for at, taken in enumerate(node.input):
            node.input[at] = _renamed_tensor(taken, renamed)
        for at, text in enumerate(node.attr["_class"].list.s if "_class" in node.attr else ()):
            name = text.removeprefix(b"loc:@").decode(errors="replace")
            if name in renamed:
                node.attr["_class"].list.s[at] = b"loc:@" + renamed[name].encode()
    for results in (function.ret, function.control_ret):
        for key, tensor in list(results.items()):
            results[key] = _renamed_tensor(tensor, renamed)


def _renamed_tensor(tensor: str, renamed: Mapping[str, str]) -> str:
    name = producer(tensor)
    return tensor.replace(name, renamed[name], 1) if name in renamed else tensor


def _scope_metadata(meta_graph: protos.MetaGraphDef, names: _Names, top: set[str]) -> None:
    """Renames what signatures, the saver, assets and collections name."""
    for signature in meta_graph.signature_def.values():
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            info.CopyFrom(with_tensors(info, names.node))
    for asset in meta_graph.asset_file_def:
        asset.tensor_info.CopyFrom(with_tensors(asset.tensor_info, names.node))
    if meta_graph.HasField("saver_def"):
        saver = meta_graph.saver_def
        for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
            setattr(saver, field, names.node(getattr(saver, field)))
    scope_collections(meta_graph.collection_def, names.scope, top)
    aliases = meta_graph.meta_info_def.function_aliases
    renamed = {names.function(name): alias for name, alias in aliases.items()}
    aliases.clear()
    aliases.update(renamed)


def _scope_objects(
    objects: protos.SavedObjectGraph, names: _Names, renamed: Mapping[str, Mapping[str, str]]
) -> None:
    """Renames what objects name.

    Args:
        objects: The object graph.
        names: What becomes of names.
        renamed: The nodes in functions that have other names.
    """
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        if kind == "function":
            listed = node.function.concrete_functions
            listed[:] = [names.function(each) for each in listed]
        elif kind == "bare_concrete_function":
            bare = node.bare_concrete_function
            bare.concrete_function_name = names.function(bare.concrete_function_name)
        elif kind == "captured_tensor":
            captured = node.captured_tensor
            inside = renamed.get(captured.concrete_function, {})
            captured.name = _renamed_tensor(captured.name, inside)
            captured.concrete_function = names.function(captured.concrete_function)
        elif kind == "constant":
            node.constant.operation = names.node(node.constant.operation)
        elif kind == "variable":
            components = node.variable.experimental_distributed_variable_components
            for variable in (node.variable, *components):
                variable.name = names.node(variable.name)
    before = protos.SavedObjectGraph(concrete_functions=objects.concrete_functions)
    objects.ClearField("concrete_functions")
    for name, function in before.concrete_functions.items():
        objects.concrete_functions[names.function(name)].CopyFrom(function)


def _scope_stored_objects(keyed: KeyedNode, names: _Names) -> None:
    """Renames the keys in the object graph that a saving op writes beside the tensors."""
    if (constant := stored_objects(keyed)) is not None:
        value = constant.attr["value"].tensor
        roots = map(Message.root, elements(value))
        tracked = (parse(protos.TrackableObjectGraph, each) for each in roots)
        set_elements(value, [_tracked(each, names).SerializeToString() for each in tracked])


def _tracked(objects: protos.TrackableObjectGraph, names: _Names) -> protos.TrackableObjectGraph:
    """Returns the object graph of a checkpoint with other keys."""
    after = protos.TrackableObjectGraph()
    after.CopyFrom(objects)
    for node in after.nodes:
        for attribute in node.attributes:
            attribute.checkpoint_key = names.key(attribute.checkpoint_key)
    return after
