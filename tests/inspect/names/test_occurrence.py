from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.inspect.names.occurrence import Role, mention
from sigpb.inspect.names.parts import Part, parts
from sigpb.inspect.proto_source import open_source
from sigpb.tf.tensor_types import dtype_name
from sigpb.wire import Message, length_delimited
from tests.conftest import REPOSITORY
from tests.inspect.names.naive import strings

ModelFactory = Callable[..., Path]

FIXTURES = sorted(path.parent.name for path in REPOSITORY.glob("proto_fixtures/*/*.pbtxt"))

# Their texts are none of the protos' texts: numbers, or inside of encoded messages.
ENCODED = {Role.ATTR_TYPE, Role.COLLECTION_TEXT}


def part_of(meta_graph: protos.MetaGraphDef) -> Part:
    message = Message.root(meta_graph.SerializeToString())
    return Part(None, message, message.find(protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER))


def found(part: Part) -> set[tuple[Role, str, str, str | None]]:
    return {(o.role, o.text, str(o.place), o.function) for o in part.occurrences()}


def assert_complete(path: Path) -> None:
    """Compares with a walk that knows nothing but the schema."""
    for part in parts(open_source(path)):
        assert part.message
        parsed = protos.MetaGraphDef.FromString(part.message.content())
        occurrences = list(part.occurrences())
        ours = Counter(o.text for o in occurrences if o.text)
        theirs = Counter(text for _, text in strings(parsed) if text)
        assert theirs - ours == Counter()
        invented = Counter(
            o.text
            for o in occurrences
            if o.text
            and o.role not in ENCODED
            and ".bytes_list." not in str(o.place)
            and ".any_list." not in str(o.place)
        )
        assert invented - theirs == Counter()


@pytest.mark.parametrize("name", FIXTURES)
def test_every_name_of_a_fixture(name: str) -> None:
    model = REPOSITORY / "proto_fixtures" / name
    assert_complete(model)
    for part in parts(open_source(model)):
        places = Counter((o.role, str(o.place)) for o in part.occurrences())
        assert set(places.values()) == {1}


def test_every_name_of_the_corpus(corpus: Path) -> None:
    for model in sorted(path for path in corpus.iterdir() if path.is_dir()):
        assert_complete(model)


def test_nodes() -> None:
    meta_graph = protos.MetaGraphDef()
    node = meta_graph.graph_def.node.add(name="y", op="Op", device="/gpu:0", input=["x:1", "^z"])
    node.attr["T"].type = 1
    node.attr["_class"].list.s.extend([b"loc:@x", b"other"])
    node.attr["raw"].s = b"\xff"
    node.attr["f"].func.name = "g"
    node.attr["f"].func.attr["dtypes"].list.type.append(7)
    node.attr["fs"].list.func.add(name="h")
    node.attr["p"].placeholder = "N"
    node.attr["value"].tensor.string_val.append(b"element")

    assert found(part_of(meta_graph)) == {
        (role, text, f'graph_def.node["y"]{place}', None)
        for role, text, place in [
            (Role.NODE, "y", ""),
            (Role.OP, "Op", ".op"),
            (Role.DEVICE, "/gpu:0", ".device"),
            (Role.INPUT, "x:1", ".input[0]"),
            (Role.CONTROL_INPUT, "^z", ".input[1]"),
            *((Role.ATTR, name, f'.attr["{name}"]') for name in sorted(node.attr)),
            (Role.ATTR_TYPE, dtype_name(1), '.attr["T"].type'),
            (Role.COLOCATION, "loc:@x", '.attr["_class"].list.s[0]'),
            (Role.ATTR_STRING, "other", '.attr["_class"].list.s[1]'),
            (Role.ATTR_STRING, "\\xff", '.attr["raw"].s'),
            (Role.CALL, "g", '.attr["f"].func.name'),
            (Role.ATTR, "dtypes", '.attr["f"].func.attr["dtypes"]'),
            (Role.ATTR_TYPE, "string", '.attr["f"].func.attr["dtypes"].list.type[0]'),
            (Role.CALL, "h", '.attr["fs"].list.func[0].name'),
            (Role.ATTR_STRING, "N", '.attr["p"].placeholder'),
        ]
    }


def test_functions() -> None:
    meta_graph = protos.MetaGraphDef()
    library = meta_graph.graph_def.library
    function = library.function.add()
    function.signature.name = "f"
    function.signature.input_arg.add(name="a")
    function.signature.output_arg.add(name="b")
    function.arg_attr[0].attr["_user_specified_name"].s = b"image"
    function.node_def.add(name="n", op="Neg", input=["a"])
    function.ret["b"] = "n:y:0"
    function.control_ret["c"] = "n"
    library.gradient.add(function_name="f", gradient_func="df")

    where = 'graph_def.library.function["f"]'
    assert found(part_of(meta_graph)) == {
        (Role.FUNCTION, "f", where, None),
        (Role.ARGUMENT, "a", f'{where}.signature.input_arg["a"]', "f"),
        (Role.RESULT, "b", f'{where}.signature.output_arg["b"]', "f"),
        (
            Role.ATTR,
            "_user_specified_name",
            f'{where}.arg_attr[0].attr["_user_specified_name"]',
            "f",
        ),
        (Role.ATTR_STRING, "image", f'{where}.arg_attr[0].attr["_user_specified_name"].s', "f"),
        (Role.NODE, "n", f'{where}.node_def["n"]', "f"),
        (Role.OP, "Neg", f'{where}.node_def["n"].op', "f"),
        (Role.INPUT, "a", f'{where}.node_def["n"].input[0]', "f"),
        (Role.RETURN, "n:y:0", f'{where}.ret["b"]', "f"),
        (Role.CONTROL_RETURN, "n", f'{where}.control_ret["c"]', "f"),
        (Role.GRADIENT, "f", "graph_def.library.gradient[0].function_name", None),
        (Role.GRADIENT, "df", "graph_def.library.gradient[0].gradient_func", None),
    }


def collection(key: str, *values: bytes) -> Iterator[tuple[Role, str, str]]:
    """What is found in a collection of encoded messages, with the ends of the paths."""
    meta_graph = protos.MetaGraphDef()
    meta_graph.collection_def[key].bytes_list.value.extend(values)
    for occurrence in part_of(meta_graph).occurrences():
        where = str(occurrence.place).removeprefix(f'collection_def["{key}"]')
        yield occurrence.role, occurrence.text, where.removeprefix(".bytes_list.value")


VARIABLE = protos.VariableDef(
    variable_name="w:0", initializer_name="w/Assign", snapshot_name="w/read:0"
).SerializeToString()


@pytest.mark.parametrize("key", ["variables", "those_of_mine"])
def test_variables_in_collections_of_any_name(key: str) -> None:
    assert set(collection(key, b"text", VARIABLE)) == {
        (Role.COLLECTION, key, ""),
        (Role.COLLECTION_TEXT, "text", "[0]"),
        (Role.COLLECTION_TENSOR, "w:0", "[1].variable_name"),
        (Role.COLLECTION_TENSOR, "w/Assign", "[1].initializer_name"),
        (Role.COLLECTION_TENSOR, "w/read:0", "[1].snapshot_name"),
    }


def test_contexts_of_control_flow() -> None:
    # tensorflow/core/protobuf/control_flow.proto
    external = length_delimited(2, length_delimited(1, b"x:0") + length_delimited(2, b"s/x:0"))
    values = length_delimited(1, b"a:0") + length_delimited(1, b"b:0") + external
    inner = length_delimited(2, length_delimited(1, b"while") + length_delimited(8, b"exit:0"))
    cond = length_delimited(1, b"cond") + length_delimited(2, b"p:0")
    cond += length_delimited(5, values) + length_delimited(6, inner)

    assert {found for found in collection("cond_context", cond) if found[2]} == {
        (Role.COLLECTION_TENSOR, "cond", "[0].context_name"),
        (Role.COLLECTION_TENSOR, "p:0", "[0].pred_name"),
        (Role.COLLECTION_TENSOR, "a:0", "[0].values_def.values[0]"),
        (Role.COLLECTION_TENSOR, "b:0", "[0].values_def.values[1]"),
        (Role.COLLECTION_TENSOR, "x:0", "[0].values_def.external_values[0].key"),
        (Role.COLLECTION_TENSOR, "s/x:0", "[0].values_def.external_values[0].value"),
        (Role.COLLECTION_TENSOR, "while", "[0].nested_contexts[0].while_ctxt.context_name"),
        (
            Role.COLLECTION_TENSOR,
            "exit:0",
            "[0].nested_contexts[0].while_ctxt.loop_exit_names[0]",
        ),
    }


@pytest.mark.parametrize("key", ["cond_context", "variables"])
@pytest.mark.parametrize("content", [b"\xff\xff", b"\x0a\xff", b"\x0a\x01\xff", b""])
def test_collections_of_something_else(key: str, content: bytes) -> None:
    roles = {role for role, text, _ in collection(key, content) if text}
    assert roles == {Role.COLLECTION}


def test_contexts_nested_without_end() -> None:
    content = b"\xff"
    for _ in range(2000):
        content = length_delimited(6, length_delimited(1, content))
    assert [role for role, _, _ in collection("cond_context", content)] == [Role.COLLECTION]


def test_nodes_that_are_not_mentioned_are_left_out(fixture_model: ModelFactory) -> None:
    (part,) = parts(open_source(fixture_model("tf2_linear")))
    everything = list(part.occurrences())
    names = {"x"}

    some = list(part.occurrences(mention(names)))

    assert len(some) < len(everything)
    assert [o for o in some if o.text in names] == [o for o in everything if o.text in names]
