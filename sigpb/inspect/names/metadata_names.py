"""The names beside the graph: in signatures, the object graph, structured values, collections.

Which collection holds which message is a convention of TensorFlow 1: see ``to_proto`` and
``proto_function`` in tensorflow/python/framework/ops.py and in the modules of the classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.inspect.names.occurrence import Occurrence, Role
from sigpb.inspect.outline import without_elements
from sigpb.inspect.proto_path import FieldPlace
from sigpb.inspect.proto_scalars import COLLECTIONS
from sigpb.inspect.schema import descriptor, known_fields
from sigpb.saved_model.model import parse
from sigpb.wire import Message, WireError

_SPECS = ("tensor_spec_value", "bounded_tensor_spec_value")
_SEQUENCES = ("list_value", "tuple_value")

# The part of a VariableDef with a text that names no tensor of the graph.
_SLICE = "save_slice_info_def"

# How deep protobuf's own parsers allow messages to be nested.
_MAX_DEPTH = 100


def in_structure(value: protos.StructuredValue, place: FieldPlace) -> Iterator[Occurrence]:
    """Yields the names in a StructuredValue."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return
    here = FieldPlace(place, kind)
    if kind == "string_value":
        yield Occurrence(Role.STRUCTURE, value.string_value, here)
    elif kind in _SPECS:
        yield Occurrence(Role.STRUCTURE, getattr(value, kind).name, FieldPlace(here, "name"))
    elif kind == "type_spec_value":
        yield from in_type_spec(value.type_spec_value, here)
    elif kind in _SEQUENCES:
        for position, element in enumerate(getattr(value, kind).values):
            yield from in_structure(element, FieldPlace(here, "values", position))
    elif kind == "dict_value":
        for key in sorted(value.dict_value.fields):
            where = FieldPlace(here, "fields", key)
            yield Occurrence(Role.STRUCTURE, key, where)
            yield from in_structure(value.dict_value.fields[key], where)
    elif kind == "named_tuple_value":
        yield Occurrence(Role.STRUCTURE, value.named_tuple_value.name, FieldPlace(here, "name"))
        for position, pair in enumerate(value.named_tuple_value.values):
            where = FieldPlace(here, "values", position)
            yield Occurrence(Role.STRUCTURE, pair.key, FieldPlace(where, "key"))
            yield from in_structure(pair.value, FieldPlace(where, "value"))


def in_type_spec(spec: protos.TypeSpecProto, place: FieldPlace) -> Iterator[Occurrence]:
    """Yields the names in a TypeSpecProto."""
    if spec.type_spec_class_name:
        where = FieldPlace(place, "type_spec_class_name")
        yield Occurrence(Role.STRUCTURE, spec.type_spec_class_name, where)
    yield from in_structure(spec.type_state, FieldPlace(place, "type_state"))


def in_signature(
    key: str, signature: protos.SignatureDef, place: FieldPlace
) -> Iterator[Occurrence]:
    """Yields the names in a SignatureDef that stands under a key."""
    yield Occurrence(Role.SIGNATURE, key, place)
    if signature.method_name:
        yield Occurrence(Role.METHOD, signature.method_name, FieldPlace(place, "method_name"))
    for side, endpoints in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        for name in sorted(endpoints):
            here = FieldPlace(place, side, name)
            yield Occurrence(Role.ENDPOINT, name, here)
            yield from in_tensor_info(endpoints[name], here, Role.ENDPOINT_TENSOR)
    for name in sorted(signature.defaults):
        yield Occurrence(Role.ENDPOINT, name, FieldPlace(place, "defaults", name))


def in_tensor_info(info: protos.TensorInfo, place: FieldPlace, role: Role) -> Iterator[Occurrence]:
    """Yields the names of the tensors that a TensorInfo stands for, and those in its type."""
    kind = info.WhichOneof("encoding")
    if kind == "name":
        yield Occurrence(role, info.name, FieldPlace(place, kind))
    elif kind == "coo_sparse":
        here = FieldPlace(place, kind)
        for field, name in info.coo_sparse.ListFields():
            yield Occurrence(role, name, FieldPlace(here, field.name))
    elif kind == "composite_tensor":
        here = FieldPlace(place, kind)
        composite = info.composite_tensor
        yield from in_type_spec(composite.type_spec, FieldPlace(here, "type_spec"))
        for position, component in enumerate(composite.components):
            yield from in_tensor_info(component, FieldPlace(here, "components", position), role)


def in_object_graph(graph: protos.SavedObjectGraph, place: FieldPlace) -> Iterator[Occurrence]:
    """Yields the names in a SavedObjectGraph."""
    for position, node in enumerate(graph.nodes):
        yield from _in_object(node, FieldPlace(place, "nodes", position))
    for name in sorted(graph.concrete_functions):
        here = FieldPlace(place, "concrete_functions", name)
        function = graph.concrete_functions[name]
        yield Occurrence(Role.CONCRETE_FUNCTION, name, here)
        for field in ("canonicalized_input_signature", "output_signature"):
            yield from in_structure(getattr(function, field), FieldPlace(here, field))


def _in_object(node: protos.SavedObject, here: FieldPlace) -> Iterator[Occurrence]:
    for field in ("children", "dependencies"):
        for child in getattr(node, field):
            yield Occurrence(
                Role.CHILD, child.local_name, FieldPlace(here, field, child.local_name)
            )
    for position, slot in enumerate(node.slot_variables):
        where = FieldPlace(FieldPlace(here, "slot_variables", position), "slot_name")
        yield Occurrence(Role.CHILD, slot.slot_name, where)
    for name in sorted(node.saveable_objects):
        yield Occurrence(Role.OBJECT, name, FieldPlace(here, "saveable_objects", name))
    for field in ("registered_name", "registered_saver"):
        if name := getattr(node, field):
            yield Occurrence(Role.OBJECT, name, FieldPlace(here, field))
    kind = node.WhichOneof("kind")
    if kind is not None:
        yield from _in_kind(node, kind, FieldPlace(here, kind))


def _in_kind(node: protos.SavedObject, kind: str, here: FieldPlace) -> Iterator[Occurrence]:
    if kind == "user_object":
        yield Occurrence(Role.OBJECT, node.user_object.identifier, FieldPlace(here, "identifier"))
    elif kind == "variable":
        yield from _in_variable(node.variable, here)
    elif kind == "constant":
        yield Occurrence(Role.CONSTANT, node.constant.operation, FieldPlace(here, "operation"))
    elif kind == "captured_tensor":
        tensor = node.captured_tensor
        function = tensor.concrete_function
        yield Occurrence(Role.CAPTURED_TENSOR, tensor.name, FieldPlace(here, "name"), function)
        yield Occurrence(Role.CONCRETE_FUNCTION, function, FieldPlace(here, "concrete_function"))
    elif kind == "function":
        for position, name in enumerate(node.function.concrete_functions):
            where = FieldPlace(here, "concrete_functions", position)
            yield Occurrence(Role.CONCRETE_FUNCTION, name, where)
        yield from _in_spec(node.function.function_spec, FieldPlace(here, "function_spec"))
    elif kind == "bare_concrete_function":
        bare = node.bare_concrete_function
        where = FieldPlace(here, "concrete_function_name")
        yield Occurrence(Role.CONCRETE_FUNCTION, bare.concrete_function_name, where)
        for position, keyword in enumerate(bare.argument_keywords):
            yield Occurrence(
                Role.ENDPOINT, keyword, FieldPlace(here, "argument_keywords", position)
            )
        yield from _in_spec(bare.function_spec, FieldPlace(here, "function_spec"))


def _in_variable(variable: protos.SavedVariable, here: FieldPlace) -> Iterator[Occurrence]:
    yield Occurrence(Role.VARIABLE, variable.name, FieldPlace(here, "name"))
    field = "experimental_distributed_variable_components"
    for position, component in enumerate(getattr(variable, field)):
        yield from _in_variable(component, FieldPlace(here, field, position))


def _in_spec(spec: protos.FunctionSpec, here: FieldPlace) -> Iterator[Occurrence]:
    for field in ("fullargspec", "input_signature"):
        yield from in_structure(getattr(spec, field), FieldPlace(here, field))


def in_collection(key: str, collection: Message, place: FieldPlace) -> Iterator[Occurrence]:
    """Yields the names in a CollectionDef that stands under a key."""
    yield Occurrence(Role.COLLECTION, key, place)
    parsed = parse(protos.CollectionDef, collection)
    kind = parsed.WhichOneof("kind")
    if kind == "node_list":
        for position, name in enumerate(parsed.node_list.value):
            here = FieldPlace(FieldPlace(place, kind), "value", position)
            yield Occurrence(Role.COLLECTION_TENSOR, name, here)
    elif kind == "bytes_list":
        for position, content in enumerate(parsed.bytes_list.value):
            yield from _in_bytes(
                key, content, FieldPlace(FieldPlace(place, kind), "value", position)
            )
    elif kind == "any_list":
        for position, packed in enumerate(parsed.any_list.value):
            here = FieldPlace(FieldPlace(place, kind), "value", position)
            value = Message.root(packed.value)
            if packed.type_url.endswith("/tensorflow.TensorInfo"):
                info = without_elements(protos.TensorInfo, value)
                yield from in_tensor_info(info, here, Role.COLLECTION_TENSOR)
            elif packed.type_url.endswith("/tensorflow.AssetFileDef"):
                yield from in_asset(without_elements(protos.AssetFileDef, value), here)


def in_asset(asset: protos.AssetFileDef, place: FieldPlace) -> Iterator[Occurrence]:
    """Yields the names in an AssetFileDef."""
    yield Occurrence(Role.ASSET, asset.filename, FieldPlace(place, "filename"))
    yield from in_tensor_info(
        asset.tensor_info, FieldPlace(place, "tensor_info"), Role.ASSET_TENSOR
    )


def _in_bytes(key: str, content: bytes, place: FieldPlace) -> Iterator[Occurrence]:
    message = Message.root(content)
    name = COLLECTIONS.get(key) or ("VariableDef" if _is_variable(message) else None)
    if name is not None:
        try:
            yield from list(_in_message(message, descriptor(name), place, _MAX_DEPTH))
        except WireError:
            pass  # Somebody else's collection of that name.
        else:
            return
    try:
        yield Occurrence(Role.COLLECTION_TEXT, content.decode(), place)
    except UnicodeDecodeError:
        return


def _is_variable(message: Message) -> bool:
    """Whether bytes are a VariableDef, whose collections can have any name."""
    try:
        numbers = {field.number for field in message.fields()}
    except WireError:
        return False
    return {1, 2, 3} <= numbers <= known_fields(descriptor("VariableDef")).keys()


def _in_message(
    message: Message, schema: Descriptor, place: FieldPlace, depth: int
) -> Iterator[Occurrence]:
    """Yields the names in a message of TensorFlow 1, all of whose texts name tensors or nodes."""
    if not depth:
        raise WireError(f"messages nested too deep at byte {message.start}", message.start)
    fields = known_fields(schema)
    positions: Counter[int] = Counter()
    for field in message.fields():
        known = fields.get(field.number)
        if known is None or known.name == _SLICE:
            continue
        here = FieldPlace(place, known.name, positions[field.number] if known.is_repeated else None)
        positions[field.number] += 1
        if known.message is not None:
            yield from _in_message(message.message(field), known.message, here, depth - 1)
        elif known.type == FieldDescriptor.TYPE_STRING:
            yield Occurrence(Role.COLLECTION_TENSOR, message.text(field), here)
