from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "unsafe-op"


def message_of(tmp_path: Path, graph: str) -> list[tuple[str, str]]:
    found = find(RULE, write(tmp_path, graph_of(graph)))
    assert {severity for severity, _, _ in found} <= {"warning"}
    return [(where, message) for _, where, message in found]


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_many", "tf1_shared", "tf1_interior"])
def test_checkpoints_and_assets_do_not_count(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_top_level(tmp_path: Path) -> None:
    nodes = "".join(f'node {{ name: "n{i}" op: "ReadFile" }}' for i in range(5))
    assert message_of(tmp_path, f"graph_def {{ {nodes} }}") == [
        (
            "",
            "The op ReadFile reads any file that the process can read: nodes 'n0', 'n1', 'n2' and "
            "2 more.",
        )
    ]


def test_inside_a_function(tmp_path: Path) -> None:
    graph = """graph_def { library { function {
        signature { name: "f_1" }
        node_def { name: "py" op: "EagerPyFunc" }
    } } }"""
    assert message_of(tmp_path, graph) == [
        (
            "function 'f_1'",
            "The op EagerPyFunc calls a Python function of the process that made it, and fails in "
            "any other: node 'py'.",
        )
    ]


def test_function_that_is_there_twice(tmp_path: Path) -> None:
    function = 'function { signature { name: "f_1" } %s }'
    unsafe, safe = function % 'node_def { name: "w" op: "WriteFile" }', function % ""
    graph = f"graph_def {{ library {{ {unsafe} {safe} }} }}"
    assert [where for where, _ in message_of(tmp_path, graph)] == ["function 'f_1'"]


def test_name_that_holds_that_of_an_op(tmp_path: Path) -> None:
    assert message_of(tmp_path, 'graph_def { node { name: "ReadFile" op: "NoOp" } }') == []


def test_large_node(tmp_path: Path) -> None:
    graph = graph_of('graph_def { node { name: "n" op: "PyFunc" } }')
    graph.graph_def.node[0].attr["token"].s = bytes(10_000)
    assert len(find(RULE, write(tmp_path, graph))) == 1


def test_node_behind_the_library(tmp_path: Path) -> None:
    # Protobuf reads fields in any order.
    first = graph_of("graph_def { node { name: 'a' op: 'NoOp' } library { } }")
    behind = graph_of("graph_def { node { name: 'b' op: 'WriteFile' } }").graph_def
    model = write(tmp_path, first)
    encoded = first.graph_def.SerializeToString() + behind.SerializeToString()
    graph = b"\x12" + bytes([len(encoded)]) + encoded
    info = first.meta_info_def.SerializeToString()
    meta_graph = b"\x0a" + bytes([len(info)]) + info + graph
    (model / "saved_model.pb").write_bytes(b"\x08\x01\x12" + bytes([len(meta_graph)]) + meta_graph)
    assert len(find(RULE, model)) == 1


def test_op_spelled_in_a_longer_way(tmp_path: Path) -> None:
    # Parsers accept a length of 8 in two bytes.
    model = write(tmp_path, graph_of('graph_def { node { name: "n" op: "ReadFile" } }'))
    file = model / "saved_model.pb"
    data = file.read_bytes()
    node = b"\x0a\x01n\x12\x08ReadFile"
    assert node in data
    at = data.index(node)
    padded = node.replace(b"\x12\x08", b"\x12\x88\x00")
    outer = bytearray(data[: at - 1]) + bytes([data[at - 1] + 1]) + padded + data[at + len(node) :]
    outer[at - 3] += 1  # the length of the GraphDef
    outer[3] += 1  # that of the MetaGraphDef
    file.write_bytes(outer)
    assert len(find(RULE, model)) == 1


@pytest.mark.parametrize(
    ("op", "attribute", "harmless", "harmful"),
    [
        ("PrintV2", "output_stream", "stderr", "file:///tmp/log"),
        ("PrintV2", "output_stream", "log(info)", "file:///tmp/log"),
        ("DecodeProtoV2", "descriptor_source", "local://", "/etc/passwd"),
    ],
)
def test_op_that_is_harmless_with_some_values(
    tmp_path: Path, op: str, attribute: str, harmless: str, harmful: str
) -> None:
    def node(value: str) -> str:
        attr = f'attr {{ key: "{attribute}" value {{ s: "{value}" }} }}'
        return f'graph_def {{ node {{ name: "n" op: "{op}" {attr} }} }}'

    assert message_of(tmp_path / "harmless", node(harmless)) == []
    assert len(message_of(tmp_path / "harmful", node(harmful))) == 1


def test_debug_urls(tmp_path: Path) -> None:
    urls = 'attr { key: "debug_urls" value { list { s: "grpc://host:1" } } }'
    node = 'graph_def { node { name: "n" op: "DebugIdentityV3" %s } }'
    assert message_of(tmp_path / "none", node % "") == []
    assert len(message_of(tmp_path / "some", node % urls)) == 1


OF_NEW = [
    "Abort",
    "CalibrationStatisticsSaver",
    "DTensorRestoreV2",
    "DatasetFromGraph",
    "DumpTensor",
    "ImmutableConst",
    "ListSnapshotChunksDataset",
    "RemoteCall",
    "Skipgram",
    "SnapshotDatasetReader",
    "XlaCallModule",
    "XlaCustomCall",
    "XlaCustomCallV2",
]


@pytest.mark.parametrize("op", OF_NEW)
def test_op(tmp_path: Path, op: str) -> None:
    assert len(message_of(tmp_path, f'graph_def {{ node {{ name: "n" op: "{op}" }} }}')) == 1


@pytest.mark.parametrize("op", ["DebugNumericSummary", "DebugNanCount", "DebugIdentity"])
@pytest.mark.parametrize("url", ["file:///tmp/log", "grpc://host:1"])
def test_debug_ops(tmp_path: Path, op: str, url: str) -> None:
    urls = f'attr {{ key: "debug_urls" value {{ list {{ s: "{url}" }} }} }}'
    assert len(message_of(tmp_path, f'graph_def {{ node {{ name: "n" op: "{op}" {urls} }} }}')) == 1


def test_vocabulary_file(tmp_path: Path) -> None:
    def node(value: str) -> str:
        attr = f'attr {{ key: "vocab_file" value {{ s: "{value}" }} }}'
        return f'graph_def {{ node {{ name: "n" op: "FixedUnigramCandidateSampler" {attr} }} }}'

    assert message_of(tmp_path / "none", node("")) == []
    assert len(message_of(tmp_path / "some", node("/etc/passwd"))) == 1


def constant(name: str, text: str) -> str:
    value = f'tensor {{ dtype: DT_STRING tensor_shape {{ }} string_val: "{text}" }}'
    dtype = 'attr { key: "dtype" value { type: DT_STRING } }'
    return (
        f'node {{ name: "{name}" op: "Const" {dtype} attr {{ key: "value" value {{ {value} }} }} }}'
    )


def node(name: str, op: str, *inputs: str, function: str = "") -> str:
    taken = " ".join(f'input: "{each}"' for each in inputs)
    called = f'attr {{ key: "f" value {{ func {{ name: "{function}" }} }} }}' if function else ""
    return f'node {{ name: "{name}" op: "{op}" {taken} {called} }}'


def function_with(name: str, *nodes: str) -> str:
    """A function of one string ``path``."""
    body = " ".join(each.replace("node {", "node_def {", 1) for each in nodes)
    argument = 'input_arg { name: "path" type: DT_STRING }'
    return f'function {{ signature {{ name: "{name}" {argument} }} {body} }}'


def returning(function: str, result: str) -> str:
    """Has a function return one string."""
    declared = 'output_arg { name: "r" type: DT_STRING } }'
    returned = f'ret {{ key: "r" value: "{result}" }}'
    return f"{function.replace('} }', '} ' + declared, 1)[:-1]} {returned} }}"


def signature(output: str, key: str = "serving_default") -> str:
    tensor = f'value {{ name: "{output}:0" dtype: DT_FLOAT tensor_shape {{ }} }}'
    return f'signature_def {{ key: "{key}" value {{ outputs {{ key: "y" {tensor} }} }} }}'


SAVER = """saver_def {
    filename_tensor_name: "name:0" save_tensor_name: "saved:0" restore_op_name: "restored"
}"""
# What a session's saver writes, and then what a function does.
SAVING: tuple[str, ...] = (
    constant("name", "model"),
    constant("part", "_temp/part"),
    node("joined", "StringJoin", "name", "part"),
    node("sharded", "ShardedFilename", "joined"),
    node("write", "SaveV2", "sharded"),
    node("prefixes", "Pack", "sharded", "^write"),
    node("merge", "MergeV2Checkpoints", "prefixes", "name"),
    node("saved", "Identity", "name", "^merge"),
    node("read", "RestoreV2", "name"),
    node("restored", "NoOp", "^read"),
)


def ops_found(
    tmp_path: Path, nodes: tuple[str, ...], rest: str = "", library: str = ""
) -> set[str]:
    graph = f"graph_def {{ {' '.join(nodes)} library {{ {library} }} }} {rest}"
    return {message.split()[2] for _, message in message_of(tmp_path, graph)}


class TestCheckpoint:
    def test_of_the_saver(self, tmp_path: Path) -> None:
        assert ops_found(tmp_path, SAVING, SAVER) == set()

    def test_of_a_saver_that_is_not_used_any_more(self, tmp_path: Path) -> None:
        assert ops_found(tmp_path, SAVING) == set()

    @pytest.mark.parametrize(
        ("run", "ops"), [("write", {"SaveV2"}), ("merge", {"SaveV2", "MergeV2Checkpoints"})]
    )
    def test_that_a_signature_runs(self, tmp_path: Path, run: str, ops: set[str]) -> None:
        runs = node("y", "NoOp", f"^{run}")
        assert ops_found(tmp_path, (*SAVING, runs), SAVER + signature("y")) == ops

    def test_that_the_init_op_runs(self, tmp_path: Path) -> None:
        init = signature("restored", "__saved_model_init_op")
        assert ops_found(tmp_path, SAVING, SAVER + init) == {"RestoreV2"}

    def test_of_the_saver_with_a_name_of_its_own(self, tmp_path: Path) -> None:
        nodes: tuple[str, ...] = (*SAVING, constant("other", "/etc/passwd"))
        nodes = tuple(
            each.replace('"RestoreV2" input: "name"', '"RestoreV2" input: "other"')
            for each in nodes
        )
        assert ops_found(tmp_path, nodes, SAVER) == {"RestoreV2"}

    def test_beside_the_checkpoint_but_not_there(self, tmp_path: Path) -> None:
        nodes = tuple(each.replace("_temp/part", "/../../part") for each in SAVING)
        assert ops_found(tmp_path, nodes, SAVER) == {"SaveV2", "MergeV2Checkpoints"}

    @pytest.mark.parametrize(("part", "found"), [(".part", False), ("/../x", True)])
    def test_beside_the_checkpoint_by_choice(self, tmp_path: Path, part: str, found: bool) -> None:
        nodes = (
            *(constant("name", "m"), constant("one", "_temp/part"), constant("two", part)),
            node("part", "Select", "condition", "one", "two"),
            node("joined", "StringJoin", "name", "part"),
            node("restored", "RestoreV2", "joined"),
        )
        assert ops_found(tmp_path, nodes, SAVER) == ({"RestoreV2"} if found else set())

    @pytest.mark.parametrize("key", ["save_function", "restore_function"])
    def test_of_an_object_that_saves_itself(self, tmp_path: Path, key: str) -> None:
        objects = """object_graph_def {
            nodes { {} }
            nodes { function { concrete_functions: "f" } }
            concrete_functions { key: "f" value { } }
        }"""
        saveable = f'saveable_objects {{ key: "x" value {{ {key}: 1 }} }}'
        library = function_with("f", node("save", "SaveV2", "path"))
        saving, other = objects.replace("{}", saveable), objects.replace("{}", "")
        assert ops_found(tmp_path / "saving", (), saving, library) == set()
        assert ops_found(tmp_path / "other", (), other, library) == {"SaveV2"}

    @pytest.mark.parametrize(("path", "ops"), [("name", set()), ("other", {"RestoreV2"})])
    def test_in_a_function(self, tmp_path: Path, path: str, ops: set[str]) -> None:
        nodes = (
            constant("name", "model"),
            constant("other", "/etc/passwd"),
            node("restored", "StatefulPartitionedCall", path, function="traced_restore"),
        )
        library = function_with("traced_restore", node("read", "RestoreV2", "path"))
        assert ops_found(tmp_path, nodes, SAVER, library) == ops

    def test_in_a_function_that_a_signature_calls_too(self, tmp_path: Path) -> None:
        nodes = (
            constant("name", "model"),
            node("restored", "StatefulPartitionedCall", "name", function="traced_restore"),
            node("y", "StatefulPartitionedCall", "name", function="traced_restore"),
        )
        library = function_with("traced_restore", node("read", "RestoreV2", "path"))
        assert ops_found(tmp_path, nodes, SAVER + signature("y"), library) == {"RestoreV2"}

    def test_in_a_function_of_a_data_set(self, tmp_path: Path) -> None:
        nodes = (
            constant("name", "model"),
            node("restored", "MapDataset", "name", function="traced_restore"),
        )
        library = function_with("traced_restore", node("read", "RestoreV2", "path"))
        assert ops_found(tmp_path, nodes, SAVER, library) == {"RestoreV2"}

    @pytest.mark.parametrize(("name", "ops"), [("path", set()), ("c:output:0", {"SaveV2"})])
    def test_in_a_function_that_nothing_calls(
        self, tmp_path: Path, name: str, ops: set[str]
    ) -> None:
        body = (constant("c", "/etc/passwd"), node("write", "SaveV2", name))
        assert ops_found(tmp_path, (), library=function_with("traced_save", *body)) == ops

    def test_in_a_loop(self, tmp_path: Path) -> None:
        # What the body returns is what it is given next, so a name need not stay one.
        body = 'attr { key: "body" value { func { name: "body" } } }'
        cond = 'attr { key: "cond" value { func { name: "cond" } } }'
        loop = f'node {{ name: "restored" op: "While" input: "name" {cond} {body} }}'
        library = function_with("cond") + function_with("body", node("r", "RestoreV2", "path"))
        assert ops_found(tmp_path, (constant("name", "m"), loop), SAVER, library) == {"RestoreV2"}

    @pytest.mark.parametrize(("ways", "ops"), [(8, set()), (32, {"RestoreV2"})])
    def test_in_a_function_that_is_called_in_many_ways(
        self, tmp_path: Path, ways: int, ops: set[str]
    ) -> None:
        arguments = [f"a{number}" for number in range(6)]
        declared = " ".join(f'input_arg {{ name: "{each}" type: DT_STRING }}' for each in arguments)
        read = node("read", "RestoreV2", "a0").replace("node {", "node_def {")
        library = f'function {{ signature {{ name: "f" {declared} }} {read} }}'
        calls = []
        for way in range(ways):
            given = ["name" if way >> bit & 1 else "other" for bit in range(5)]
            calls.append(node(f"c{way}", "PartitionedCall", "name", *given, function="f"))
        nodes = (
            constant("name", "m"),
            constant("other", "o"),
            *calls,
            node("restored", "NoOp", *(f"^c{way}" for way in range(ways))),
        )
        assert ops_found(tmp_path, nodes, SAVER, library) == ops

    def test_in_functions_that_call_each_other_often(self, tmp_path: Path) -> None:
        chain = [
            function_with(
                f"f{n}", node("call", "StatefulPartitionedCall", "path", function=f"f{n + 1}")
            )
            for n in range(2000)
        ]
        last = function_with("f2000", node("read", "RestoreV2", "path"))
        nodes = (constant("name", "m"), node("restored", "PartitionedCall", "name", function="f0"))
        assert ops_found(tmp_path, nodes, SAVER, " ".join([*chain, last])) == set()

    @pytest.mark.parametrize(
        ("result", "ops"), [("path", set()), ("c:output:0", {"MergeV2Checkpoints"})]
    )
    def test_name_that_a_function_returns(self, tmp_path: Path, result: str, ops: set[str]) -> None:
        nodes = (
            constant("name", "model"),
            node("called", "StatefulPartitionedCall", "name", function="traced_save"),
            node("prefixes", "Pack", "called"),
            node("merge", "MergeV2Checkpoints", "prefixes", "name"),
            node("saved", "Identity", "name", "^merge"),
        )
        body = constant("c", "/etc/passwd"), node("handed", "Identity", result)
        library = returning(function_with("traced_save", *body), "handed:output:0")
        assert ops_found(tmp_path, nodes, SAVER, library) == ops

    def test_names_that_functions_return_again_and_again(self, tmp_path: Path) -> None:
        def joining(number: int) -> str:
            called = f"f{number + 1}"
            calls = [node(f"c{n}", "PartitionedCall", "path", function=called) for n in range(9)]
            parts = [f"c{n}:output:0" for n in range(9)]
            joined = node("joined", "StringJoin", *parts)
            return returning(function_with(f"f{number}", *calls, joined), "joined:output:0")

        last = returning(function_with("f9"), "path")
        library = " ".join([*map(joining, range(9)), last])
        nodes = (
            constant("name", "m"),
            node("called", "PartitionedCall", "name", function="f0"),
            node("restored", "RestoreV2", "called"),
        )
        assert ops_found(tmp_path, nodes, SAVER, library) == set()

    def test_names_that_are_joined_again_and_again(self, tmp_path: Path) -> None:
        joined = [node(f"j{n + 1}", "StringJoin", f"j{n}", f"j{n}") for n in range(30)]
        nodes = (constant("name", "m"), node("j0", "Identity", "name"), *joined)
        restored = node("restored", "RestoreV2", "j30")
        assert ops_found(tmp_path, (*nodes, restored), SAVER) == set()


ASSET = 'asset_file_def { tensor_info { name: "name:0" } filename: "%s" }'


class TestAssets:
    @pytest.mark.parametrize("op", ["InitializeTableFromTextFileV2", "ReadFile"])
    @pytest.mark.parametrize(
        ("asset", "run", "found"),
        [
            ("words.txt", "__saved_model_init_op", False),
            ("words.txt", "serving_default", True),
            ("../../etc/passwd", "__saved_model_init_op", True),
            ("/etc/passwd", "__saved_model_init_op", True),
        ],
    )
    def test_name(self, tmp_path: Path, op: str, asset: str, run: str, found: bool) -> None:
        taken = ("name",) if op == "ReadFile" else ("table", "name")
        nodes = (constant("name", "x"), node("table", "HashTableV2"), node("y", op, *taken))
        rest = ASSET % asset + signature("y", run)
        assert ops_found(tmp_path, nodes, rest) == ({op} if found else set())

    def test_name_that_a_variable_keeps(self, tmp_path: Path) -> None:
        nodes: tuple[str, ...] = (
            constant("name", "x"),
            node("v", "VarHandleOp"),
            node("assign", "AssignVariableOp", "v", "name"),
            node("path", "ReadVariableOp", "v", "^assign"),
            node("y", "ReadFile", "path"),
        )
        rest = ASSET % "words.txt" + signature("y", "__saved_model_init_op")
        assert ops_found(tmp_path / "asset", nodes, rest) == set()
        again = node("again", "AssignVariableOp", "v", "other")
        nodes = (*nodes, constant("other", "/etc/passwd"), again)
        assert ops_found(tmp_path / "other", nodes, rest) == {"ReadFile"}

    def test_is_not_written(self, tmp_path: Path) -> None:
        nodes = (constant("name", "x"), node("y", "SaveV2", "name"))
        rest = ASSET % "words.txt" + signature("y", "__saved_model_init_op")
        assert ops_found(tmp_path, nodes, rest) == {"SaveV2"}

    def test_constant_file_of_a_table(self, tmp_path: Path) -> None:
        nodes = (
            constant("name", "/etc/passwd"),
            node("table", "HashTableV2"),
            node("y", "InitializeTableFromTextFileV2", "table", "name"),
        )
        rest = signature("y", "__saved_model_init_op")
        assert ops_found(tmp_path, nodes, rest) == {"InitializeTableFromTextFileV2"}

    @pytest.mark.parametrize(
        ("asset", "bound", "found"),
        [
            ("words.txt", 1, False),
            ("words.txt", 2, True),
            ("words.txt", 9, True),
            ("../words.txt", 1, True),
        ],
    )
    def test_of_an_object(self, tmp_path: Path, asset: str, bound: int, found: bool) -> None:
        objects = f"""object_graph_def {{
            nodes {{ }} nodes {{ asset {{ asset_file_def_index: 0 }} }} nodes {{ constant {{ }} }}
            concrete_functions {{ key: "initialize" value {{ bound_inputs: {bound} }} }}
        }}"""
        library = function_with("initialize", node("read", "ReadFile", "path"))
        rest = ASSET % asset + objects
        assert ops_found(tmp_path, (), rest, library) == ({"ReadFile"} if found else set())


@pytest.mark.parametrize("op", ["CacheDataset", "CacheDatasetV2"])
@pytest.mark.parametrize("place", ["top", "function"])
def test_cache(tmp_path: Path, op: str, place: str) -> None:
    def found(filename: str) -> set[str]:
        name = "name" if place == "top" else "name:output:0"
        nodes = (constant("name", filename), node("cache", op, "data", name))
        model = tmp_path / f"at{filename}"
        if place == "top":
            return ops_found(model, nodes)
        return ops_found(model, (), library=function_with("f", *nodes))

    assert found("") == set()
    assert found("written") == {op}
